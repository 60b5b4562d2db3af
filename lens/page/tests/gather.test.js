'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const Lens = require('../recording.js');
for (const part of ['text', 'gather', 'model', 'graph', 'describe', 'calls']) require(`../${part}.js`);
const s = require('./scenarios.js');
const { Runtime, section, by } = require('./writer.js');

const bytes = (runtime, from, to) => new Uint8Array(section(runtime.body(from, to)));
const plain = (m) => ({
  tasks: m.taskList.map((task) => [task.id, task.name, task.place, task.polls, task.busy]), fds: m.fdList.map((fd) => [fd.fd, fd.kind, fd.peer, fd.tries]),
  start: [...m.start], end: [...m.end], wait: [...m.wait], n: m.rts.map((rt) => rt.n), problems: m.recording.problems,
});

test('pieces make the same model as the whole, in whatever pieces they come', () => {
  const whole = plain(Lens.model(Lens.parse(s.file(s.echo()))));
  for (let size = 1; size < 30; size++) {
    const gathering = new Lens.Gathering(), runtime = s.echo();
    for (let from = 0; from < runtime.count; from += size) gathering.add(bytes(runtime, from, Math.min(runtime.count, from + size)));
    assert.deepEqual(plain(Lens.model(gathering.recording())), whole);
  }
});

test('after a break of the connection all comes again, and each event is there once', () => {
  const gathering = new Lens.Gathering(), runtime = s.echo();
  gathering.add(bytes(runtime, 0, 15));
  gathering.add(bytes(runtime, 5, 10));
  gathering.add(bytes(runtime, 0, runtime.count));
  gathering.add(bytes(runtime, runtime.count, runtime.count));
  assert.equal(gathering.events, runtime.count);
  assert.deepEqual(plain(Lens.model(gathering.recording())), plain(Lens.model(Lens.parse(s.file(s.echo())))));
});

test('what was overwritten is told, and lists behind the gap are used', () => {
  const gathering = new Lens.Gathering(), runtime = s.echo();
  gathering.add(bytes(runtime, 0, 3));
  runtime.tasks.push({ id: 2, name: 'from the list', since: 5 });
  gathering.add(bytes(runtime, 20, runtime.count));
  const m = Lens.model(gathering.recording());
  assert.equal(m.recording.problems.length, 1);
  assert.match(m.recording.problems[0].text, /^Some events of .* were overwritten before they could be sent/);
  assert.equal(m.recording.runtimes[0].taskById.get(2).place, '');
});

test('a wake before a gap is not that of a poll behind it', () => {
  const runtime = new Runtime();
  runtime.spawned(1000, 1);
  runtime.spawned(1500, 2);
  runtime.event('woken', 2000, 1, by.message);
  const gap = runtime.count;
  for (let i = 0; i < 10; i++) runtime.event('messages', 3000 + i, 1);
  const behind = runtime.count;
  runtime.polled(9000, 1, 100);
  runtime.polled(9100, 2, 100);
  runtime.event('woken', 9200, 1, by.message);
  runtime.polled(9400, 1, 100);
  const gathering = new Lens.Gathering();
  gathering.add(bytes(runtime, 0, gap));
  gathering.add(bytes(runtime, behind, runtime.count));
  const m = Lens.model(gathering.recording());
  assert.deepEqual([...m.wait], [0, 0, 100]);
  assert.deepEqual([m.wake[0], m.wake[1], m.longest], [-1, -1, 2]);
});

test('the oldest events are dropped, and names of what is still there are kept', () => {
  const gathering = new Lens.Gathering(100), runtime = new Runtime();
  runtime.spawned(1000, 7, { name: 'lives for a long time', place: 'src/a.rs:1:2' });
  runtime.registered(1100, 0x1234_5678_9abc_def0n, 9, 1, '127.0.0.1:4711');
  runtime.spawned(1200, 8, { name: 'ends' });
  runtime.ended(1300, 8);
  let from = 0;
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 5; i++) {
      const at = 2000 + round * 100 + i * 10;
      runtime.event('woken', at, 7, by.message);
      runtime.polled(at + 5, 7, 3);
    }
    gathering.add(bytes(runtime, from, runtime.count));
    from = runtime.count;
    const m = Lens.model(gathering.recording());
    assert.equal(m.recording.origin, 1_700_000_000_000_001_000n, 'times count from the first that came');
    const [task] = m.taskList.filter((it) => it.id === 7), [fd] = m.fdList;
    assert.deepEqual([task.name, task.place, task.spawned], ['lives for a long time', 'src/a.rs:1:2', 0]);
    assert.deepEqual([fd.fd, fd.kind, fd.peer], [9, 1, '127.0.0.1:4711']);
    assert.equal(m.taskList.length, gathering.runtimes.get('1').kept.tasks.size ? 1 : 2);
  }
  assert.ok(gathering.events <= 100 && gathering.events > 80);
});

test('a runtime that has ended goes with its last event', () => {
  const gathering = new Lens.Gathering(40);
  const of = (number, reason) => {
    const runtime = new Runtime({ runtime: number, reason });
    for (let i = 0; i < 30; i++) runtime.event('messages', number * 1000 + i, 1);
    return bytes(runtime, 0, 30);
  };
  gathering.add(of(1, 2));
  gathering.add(of(2, 0));
  assert.deepEqual([...gathering.runtimes.keys()], ['1']);
  gathering.add(of(3, 2));
  assert.deepEqual([...gathering.runtimes.keys()], ['1', '3'], 'those that go on stay, whatever that costs');
});

test('a program that was started anew begins anew', () => {
  const gathering = new Lens.Gathering(), of = (base) => bytes(new Runtime({ base }).event('messages', 5, 1));
  gathering.add(of(1n));
  gathering.recording();
  gathering.add(of(2n));
  assert.deepEqual([gathering.runtimes.size, gathering.events, gathering.origin], [1, 1, undefined]);
});

test('what is damaged is told and left out', () => {
  const gathering = new Lens.Gathering(), damaged = bytes(s.echo());
  damaged[damaged.length - 1] ^= 1;
  gathering.add(damaged);
  assert.equal(gathering.runtimes.size, 0);
  assert.deepEqual(gathering.problems.map(({ kind }) => kind), ['damaged']);
});
