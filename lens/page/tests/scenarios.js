// Recordings that several tests use.
'use strict';
const { Runtime, file, by } = require('./writer.js');

const KEY = 0x7f12_3456_789a_0002n;
const LISTENER = 0x7f12_3456_7800_0002n;
const US = 1000;

/** One echo: a byte comes in, the task reads it, writes it back, and waits again. */
function echo() {
  const r = new Runtime({ program: 'echo' });
  r.event('entered', 0, 4711);
  r.spawned(1 * US, 1, { name: 'block_on', place: 'src/main.rs:5:1' });
  r.event('woken', 1 * US, 1, by.begins());
  r.registered(3 * US, LISTENER, 5, 2, '127.0.0.1:8080');
  r.spawned(4 * US, 2, { name: 'echo', place: 'src/main.rs:9:13', cause: by.task(1) });
  r.event('woken', 4 * US, 2, by.begins(1));
  r.event('waits', 5 * US, 1, LISTENER);
  r.polled(6 * US, 1, 4 * US);
  r.registered(7 * US, KEY, 7, 1, '127.0.0.1:50000');
  r.event('waits', 8 * US, 1, KEY);
  r.polled(9 * US, 2, 3 * US);
  r.looked(109 * US, 99 * US, 1);
  r.event('reported', 110 * US, KEY, 1);
  r.event('woken', 111 * US, 2, by.report(KEY));
  r.event('turned', 112 * US, 102 * US, 2);
  r.tried(114 * US, KEY, 1, 1);
  r.tried(116 * US, KEY, 2, 0);
  r.event('waits', 117 * US, 1, KEY);
  r.polled(118 * US, 2, 5 * US);
  r.looked(200 * US, 80 * US, 0);
  r.event('turned', 201 * US, 82 * US, 1);
  return r;
}

/** Two hosts of a simulation, of which one is killed, and the fault itself. */
function hosts() {
  const host = (name, runtime, end) => {
    const r = new Runtime({ process: 1, runtime, name, flags: 8, program: 'tea is served' });
    r.spawned(1 * US, runtime, { name: 'main', place: 'src/main.rs:5:1' });
    r.event('woken', 1 * US, runtime, by.begins());
    r.polled(3 * US, runtime, 1 * US);
    r.looked(end, end - 3 * US, 0);
    return r;
  };
  const faults = new Runtime({ process: 1, runtime: 4294967295, name: 'faults', flags: 4, program: '' });
  faults.spawned(400 * US, 1, { name: 'server is killed' });
  faults.event('ended', 700 * US, 1, 0);
  return [host('server', 1, 400 * US), host('client', 2, 1000 * US), faults];
}

/** A server in which one task blocks the loop for 25 ms, and others wait. */
function slow() {
  const r = new Runtime({ program: 'server', name: 'main' });
  const ms = 1000 * US;
  let now = 0;
  r.spawned(now, 1, { name: 'block_on', place: 'src/main.rs:5:1' });
  r.event('woken', now, 1, by.begins());
  for (let i = 0; i < 12; i++) {
    r.spawned(now += US, 10 + i, { name: i === 7 ? 'report' : `connection ${i}`, place: `src/server.rs:${20 + i % 3}:9`, cause: by.task(1) });
    r.event('woken', now, 10 + i, by.begins(1));
  }
  r.polled(now += 3 * US, 1, 15 * US);
  const keys = [];
  for (let i = 0; i < 12; i++) {
    const id = 10 + i, key = KEY + BigInt(i) * 0x500000n;
    keys.push(key);
    r.registered(now + 2 * US, key, 10 + i, 1, `10.0.0.${i}:4000${i}`);
    r.event('waits', now + 3 * US, 1, key);
    r.polled(now += 8 * US, id, 7 * US);
  }
  for (let round = 0; round < 60; round++) {
    const sleep = (200 + round * 37 % 300) * US;
    const some = [0, 1, 2, 3, 4].map((k) => (round * 5 + k * 3) % 12).filter((v, at, all) => all.indexOf(v) === at);
    if (round === 33 && !some.includes(7)) some.unshift(7);
    r.looked(now += sleep, sleep, some.length);
    for (const i of some) {
      r.event('reported', now += US, keys[i], i === 3 && round > 50 ? 0x2001 : 1);
      r.event('woken', now, 10 + i, by.report(keys[i]));
    }
    const timer = 0x100000000n + BigInt(round);
    if (round > 0) {
      r.event('timerFired', now += US, timer - 1n, now - 40 * US - (round % 7) * 10 * US);
      r.event('woken', now, 1, by.timer(timer - 1n));
    }
    r.event('turned', now += US, sleep + 9 * US, some.length);
    for (const i of some) {
      const start = now + US;
      let at = start;
      r.tried(at += 2 * US, keys[i], 1, 1);
      if (round === 33 && i === 7) at += 25 * ms;
      r.tried(at += 3 * US, keys[i], 2, round % 9 === 0 ? 2 : 0);
      if (i % 4 === 0) r.event('woken', at += US, 10 + (i + 1) % 12, by.task(10 + i));
      r.event('waits', at += US, 1, keys[i]);
      r.polled(now = at + US, 10 + i, now = at + US - start);
      now = at + US;
    }
    for (const i of some) {
      if (i % 4 !== 0) continue;
      r.tried(now + 3 * US, keys[(i + 1) % 12], 1, 2);
      r.event('waits', now + 4 * US, 1, keys[(i + 1) % 12]);
      r.polled(now += 5 * US, 10 + (i + 1) % 12, 4 * US);
    }
    if (round > 0) {
      r.event('timerSet', now + 2 * US, timer, now + 500 * US);
      r.event('waits', now + 2 * US, 2, timer);
      r.polled(now += 4 * US, 1, 3 * US);
    } else r.event('timerSet', now, timer, now + 500 * US);
  }
  for (const i of [2, 5]) {
    const id = 10 + i;
    r.event('reported', now += US, keys[i], 0x2001);
    r.event('woken', now, id, by.report(keys[i]));
    r.tried(now + 4 * US, keys[i], 1, 0);
    r.event('givenUp', now + 5 * US, keys[i], 10 + i);
    r.polled(now += 8 * US, id, 6 * US, 1);
    r.ended(now, id, 0);
  }
  return r;
}

/** Two workers of one process. Task 20 goes from the first to the second. */
function two() {
  const a = new Runtime({ runtime: 1, worker: 0, flags: 1, name: 'pool' });
  const b = new Runtime({ runtime: 2, worker: 1, flags: 1, name: 'pool' });
  a.spawned(1000, 20, { name: 'traveller', place: 'src/a.rs:1:1' });
  a.event('woken', 1000, 20, by.begins());
  a.polled(3000, 20, 1000);
  a.ended(3500, 20, 3, 2);
  b.looked(4000, 3000, 1);
  b.event('messages', 4100, 1);
  b.event('arrived', 4200, Runtime.with(20, b.text('src/a.rs:1:1') + 1), 1);
  b.names(4200, 'traveller');
  b.event('woken', 4300, 20, by.message);
  b.polled(6000, 20, 1500, 1);
  b.ended(6000, 20, 0);
  return [a, b];
}

/** A task with a name that would do harm as markup, and others that would mislead. */
function nasty() {
  const r = echo();
  const names = ['<script>window.harmed = 1</script>', '"><img src=x onerror="window.harmed=2">', 'a\u0000b\u001b[31mred', 'abc\u202edcba', 'שלום', '</script><b>bold</b>'];
  names.forEach((name, i) => {
    r.spawned((300 + i) * US, 30 + i, { name, place: `<i>${i}</i>.rs:1:1`, cause: by.task(2) });
    r.event('woken', (300 + i) * US, 30 + i, by.begins(2));
  });
  names.forEach((_, i) => r.polled((320 + i * 10) * US, 30 + i, 5 * US));
  r.registered(500 * US, 0x99n << 40n, 44, 4, '<u>peer</u>');
  return Object.assign(r, { nastyNames: names });
}

/** `count` events of an echo server with many connections. */
function many(count, connections = 200) {
  const r = new Runtime({ program: 'load' });
  r.buffer = Buffer.alloc((count + 16 + connections * 5) * 24);
  let now = 1000, seed = 7;
  const random = (limit) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ seed >>> 15, 1 | seed);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) % limit;
  };
  const key = (i) => 0x550000000000 + i * 0x500000;
  for (let i = 0; i < connections; i++) {
    r.event('spawned', now, i + 1, Number(by.outside));
    r.event('woken', now, i + 1, Number(by.begins()));
    r.event('registered', now + 100, key(i), i + 10 + 4294967296);
    r.event('waits', now + 200, 1, key(i));
    r.event('polled', now += 400, i + 1, 390);
  }
  const report = (i) => by.report(key(i));
  const causes = Array.from({ length: connections }, (_, i) => report(i));
  while (r.count < count) {
    const sleep = 2000 + random(30000), events = 1 + random(8);
    r.event('looked', now += sleep, sleep, 4294967296 + events);
    const some = new Set(Array.from({ length: events }, () => random(connections)));
    for (const i of some) {
      r.event('reported', now += 50, key(i), 1);
      r.event('woken', now += 30, i + 1, causes[i]);
    }
    r.event('turned', now += 60, sleep + events * 80 + 60, events);
    for (const i of some) {
      const took = 1200 + random(4000);
      r.event('tried', now + 400, key(i), 1 + 65536);
      r.event('tried', now + 900, key(i), 2);
      r.event('waits', now + 1000, 1, key(i));
      r.event('polled', now += took, i + 1, took - 50);
    }
  }
  return r;
}

/** Many tasks, each of which is polled twice. */
function crowd(tasks) {
  const r = new Runtime({ program: 'crowd' });
  r.buffer = Buffer.alloc((tasks * 6 + 10) * 24);
  const place = r.text('src/crowd.rs:3:5') + 1;
  let now = 1000;
  for (let i = 1; i <= tasks; i++) {
    r.event('spawned', now += 100, i + place * 2 ** 48, 5);
    r.event('woken', now, i, 11);
  }
  for (let round = 0; round < 2; round++) {
    for (let i = 1; i <= tasks; i++) {
      if (round) r.event('woken', now += 20, i, 5);
      r.event('polled', now += 300 + (i % 50) * 10, i, 280);
    }
  }
  return r;
}

/** Two servers, of which only system calls are known: one hands its list over each time, the other one never. */
function rungs() {
  const [SELECT, RECV, SEND, WAIT, ACCEPT] = [23, 45, 44, 232, 288];
  const select = new Runtime({ program: 'models', name: 'select', runtime: 1 });
  const edge = new Runtime({ program: 'models', name: 'epoll_edge', runtime: 2 });
  select.called(10 * US, 41, ACCEPT, 4 * US, 7, 3).registered(10 * US, 7n | 1n << 32n, 7, 1, 'select, client 1');
  edge.called(11 * US, 52, ACCEPT, 5 * US, 8, 3).registered(11 * US, 8n | 1n << 32n, 8, 1, 'epoll_edge, client 1');
  for (let i = 0; i < 5; i++) {
    let now = 100 * US * (i + 1);
    select.called(now, 41, SELECT, 80 * US, 1, 3).called(now += 6 * US, 41, RECV, 3 * US, 64, 7);
    select.called(now += US, 41, SELECT, US, 1, 3).called(now += 9 * US, 41, SEND, 8 * US, 64, 7);
    now = 100 * US * (i + 1);
    edge.called(now, 52, WAIT, 85 * US, 1, 4).called(now += 5 * US, 52, RECV, 3 * US, 64, 8).called(now += 9 * US, 52, SEND, 8 * US, 64, 8);
    edge.called(now += US, 52 + i % 2, RECV, US, -11, 8);
  }
  return [select, edge];
}

module.exports = { hosts, rungs, echo, slow, two, nasty, many, crowd, file, by, Runtime, KEY, LISTENER };
