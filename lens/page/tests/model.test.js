'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const Lens = require('../recording.js');
for (const part of ['text', 'model', 'graph', 'describe', 'calls']) require(`../${part}.js`);
const s = require('./scenarios.js');
const { Runtime, file, section, by, checksum } = require('./writer.js');
const { CAUSE } = Lens;

const read = (...parts) => Lens.model(Lens.parse(file(...parts)));
const kinds = (m) => m.recording.problems.map((problem) => problem.kind);

test('the two checksums are the same', () => {
  for (const length of [0, 1, 7, 8, 9, 100, 1001]) {
    const bytes = new Uint8Array(length).map((_, i) => i * 37 + 11);
    const { lo, hi } = Lens.checksum(bytes, 0, length);
    assert.equal(BigInt(hi) << 32n | BigInt(lo), checksum(Buffer.from(bytes)));
  }
});

test('one echo', () => {
  const m = read(s.echo());
  assert.deepEqual(m.recording.problems, []);
  assert.equal(m.polls, 3);
  assert.deepEqual(m.taskList.map((t) => [t.id, t.name, t.place, t.polls]), [[1, 'block_on', 'src/main.rs:5:1', 1], [2, 'echo', 'src/main.rs:9:13', 2]]);
  assert.deepEqual([...m.start], [2000, 6000, 113000]);
  assert.deepEqual([...m.end], [6000, 9000, 118000]);
  assert.deepEqual([...m.wait], [1000, 2000, 2000]);
  const cause = m.causeOf(2);
  assert.equal(cause.kind, CAUSE.REPORT);
  assert.equal(cause.fd.fd, 7);
  assert.equal(cause.fd.peer, '127.0.0.1:50000');
  assert.equal(cause.at, 110000);
  const rt = m.rts[0];
  assert.deepEqual(m.during(2).map((i) => rt.words[i * 6] & 255), [18, 18, 14]);
  assert.deepEqual(m.during(0).map((i) => rt.words[i * 6] & 255), [16, 8, 10, 14]);
  assert.equal(m.tasks[1].spawnPoll, 0);
  assert.equal(m.causeOf(1).kind, CAUSE.BEGINS);
  assert.equal(m.causeOf(1).poll, 0);
  assert.deepEqual(m.chain(1).map((link) => link.poll), [1, 0]);
  assert.deepEqual([...rt.sleeps.start, ...rt.sleeps.end], [10000, 120000, 109000, 200000]);
  assert.deepEqual(m.fds.map((fd) => [fd.fd, fd.kind, fd.reports, fd.tries]), [[5, 2, 0, 0], [7, 1, 1, 2]]);
});

test('a task that wakes itself: the wake is for the next poll', () => {
  const r = new Runtime();
  r.event('woken', 100, 1, by.message);
  r.event('woken', 250, 1, by.task(1));
  r.polled(300, 1, 100);
  r.polled(400, 1, 50);
  const m = read(r);
  assert.deepEqual([...m.wake], [0, 1]);
  assert.deepEqual([...m.wait], [100, 50], 'it waits from the end of that poll on');
  assert.equal(m.causeOf(1).poll, 0);
});

test('a poll within a poll', () => {
  const r = new Runtime();
  r.event('woken', 50, 1, by.message);
  r.tried(110, 5n, 1, 0);
  r.looked(200, 80, 0);
  r.event('turned', 210, 90, 0);
  r.tried(230, 6n, 1, 0);
  r.polled(250, 2, 30);
  r.tried(260, 5n, 2, 0);
  r.polled(300, 1, 200);
  const m = read(r);
  const owned = (p) => m.during(p).length;
  assert.deepEqual([owned(0), owned(1)], [1, 2]);
  assert.equal(m.earliest[0], 50);
});

test('what follows a poll at the same time is not of the next one', () => {
  const r = new Runtime();
  r.polled(100, 1, 50, 1);
  r.ended(100, 1);
  r.event('woken', 100, 2, by.joined(1));
  r.event('waits', 150, 6, 0);
  r.polled(200, 2, 100);
  const m = read(r);
  assert.equal(m.during(1).length, 1);
  assert.equal(m.causeOf(1).poll, 0);
  assert.equal(m.causeOf(1).task.id, 1);
  assert.equal(m.wait[1], 0);
});

test('the end of a task wakes who joins it after the clock was read for the next poll', () => {
  const r = new Runtime();
  r.polled(100, 1, 50).event('timerDropped', 110, 1).ended(120, 2, 2).event('woken', 130, 3, by.joined(2)).event('waits', 180, 6, 0).polled(200, 3, 100);
  const m = read(r);
  assert.deepEqual([m.wake[1], m.wait[1], m.during(1).length], [3, 0, 1]);
  assert.equal(m.causeOf(1).kind, CAUSE.JOINED);
});

test('the future of block_on wakes within its polls', () => {
  const r = new Runtime();
  r.spawned(0, 1, { name: 'block_on' }).event('woken', 0, 1, by.begins());
  r.spawned(50, 2).event('woken', 50, 2, by.begins()).event('woken', 60, 3, by.outside).polled(100, 1, 100).polled(150, 2, 50).polled(200, 3, 50);
  const m = read(r);
  assert.deepEqual([...m.wake].map((event) => event >= 0), [true, true, true]);
  assert.deepEqual([1, 2].map((p) => [m.causeOf(p).kind, m.causeOf(p).task.id, m.causeOf(p).poll]), [[CAUSE.BEGINS, 1, 0], [CAUSE.TASK, 1, 0]]);
  assert.equal(m.tasks[m.taskIn(m.rts[0], 2).spawner].name, 'block_on');
});

test('a descriptor that was tried before it was registered is one descriptor', () => {
  const r = new Runtime();
  const early = (time, number) => r.event('tried', time, 0n, 1n | 2n << 16n | BigInt(number) << 32n);
  early(10, 7);
  early(20, 8);
  r.registered(30, 0x1234_0002n, 7, 1, 'peer').tried(40, 0x1234_0002n, 1, 0).polled(50, 1, 45);
  const m = read(r);
  assert.deepEqual(m.fdList.map((fd) => [fd.fd, fd.kind, fd.peer, fd.tries, fd.count]), [[7, 1, 'peer', 2, 3], [8, 0, '', 1, 1]]);
  assert.deepEqual(Lens.describe.poll(m, 0).events.map((event) => Lens.describe.plain(event.text)), ['tried to read from TCP stream 7: nothing was there yet',
    'tried to read from descriptor 8: nothing was there yet', 'put TCP stream 7 into epoll', 'tried to read from TCP stream 7: done']);
});

test('a task that arrives has its name and its place there', () => {
  const [a, b] = [new Runtime({ runtime: 7, worker: 0 }), new Runtime({ runtime: 9, worker: 1 })];
  a.polled(100, 5, 50).ended(110, 5, 3, 9);
  b.event('arrived', 120, Runtime.with(5, b.text('x.rs:1:2') + 1), 7);
  b.names(120, 'a name longer than sixteen bytes').event('woken', 120, 5, by.message).polled(200, 5, 50, 1).ended(210, 5);
  const m = read(a, b);
  assert.deepEqual(m.taskList.map((task) => [task.name, task.place, task.polls, task.moves]), [['a name longer than sixteen bytes', 'x.rs:1:2', 2, 1]]);
});

test('times of 56 bits and keys of 64', () => {
  const r = new Runtime();
  const late = (1n << 56n) - 1000n;
  r.registered(late, (1n << 53n) + 1n, 3, 1);
  r.registered(late + 1n, (1n << 53n) + 2n, 4, 1);
  r.registered(late + 2n, 0xffff_ffff_ffff_fffen, 5, 1);
  r.event('reported', late + 3n, 0xffff_ffff_ffff_fffen, 1);
  r.event('woken', late + 4n, (1n << 48n) - 1n, by.report(0xffff_ffff_ffff_fffen));
  r.polled(late + 6n, (1n << 48n) - 1n, 1);
  const m = read(r);
  assert.deepEqual(m.fds.map((fd) => fd.fd), [3, 4, 5]);
  assert.deepEqual([...m.rts[0].t], [0, 1, 2, 3, 4, 6]);
  assert.equal(m.causeOf(0).fd.fd, 5);
  assert.equal(m.taskList[0].id, 2 ** 48 - 1);
});

test('two workers, and a task that goes from one to the other', () => {
  const m = read(...s.two());
  assert.equal(m.rts.length, 2);
  assert.deepEqual(m.rts.map((rt) => rt.label), ['pool, worker 0', 'pool, worker 1']);
  assert.equal(m.taskList.length, 1);
  const [task] = m.taskList;
  assert.deepEqual([task.name, task.polls, task.moves, task.how, task.ended], ['traveller', 2, 1, 0, 5000]);
  assert.deepEqual([...m.byTask], [0, 1]);
  assert.deepEqual([...m.rtOf], [0, 1]);
  assert.deepEqual([m.causeOf(1).arrived, m.causeOf(1).poll], [1, 0]);
  assert.equal(Lens.describe.plain(Lens.describe.cause(m, 1)), 'It has come from pool, worker 0, and is put into the queue here; there it ran last in this poll.');
});

test('a task that gets another number where it arrives', () => {
  const [a, b] = [new Runtime({ runtime: 1, worker: 0 }), new Runtime({ runtime: 2, worker: 1 })];
  a.spawned(10, 20, { name: 'x' }).polled(100, 20, 50).ended(110, 20, 3, 1);
  b.event('arrived', 120, 20, 0).spawned(120, 900).event('woken', 120, 900, by.message).polled(200, 900, 50, 1);
  const m = read(a, b);
  assert.deepEqual(m.taskList.map((task) => [task.id, task.name, task.polls]), [[20, 'x', 2]]);
});

test('a task that keeps its number, and comes back', () => {
  const [a, b] = [new Runtime({ runtime: 1, worker: 0 }), new Runtime({ runtime: 2, worker: 1 })];
  a.polled(100, 5, 50).ended(110, 5, 3, 1);
  b.event('arrived', 120, 5, 0).polled(200, 5, 50).ended(210, 5, 3, 0);
  a.event('arrived', 220, 5, 1).polled(300, 5, 50, 1).ended(310, 5, 0);
  const m = read(a, b);
  assert.equal(m.taskList.length, 1);
  assert.deepEqual([...m.byTask].map((p) => m.end[p]), [0, 100, 200]);
  assert.equal(m.taskList[0].how, 0);
});

test('several sections of one runtime: each event once, gaps are told', () => {
  const r = s.echo();
  const whole = read(r);
  const parts = read(section(r.body(4, r.count)), section(r.body(0, 12)));
  assert.deepEqual(parts.rts[0].words, whole.rts[0].words);
  assert.deepEqual(kinds(parts), []);
  assert.equal(parts.taskList[1].place, 'src/main.rs:9:13');
  const gap = read(section(r.body(0, 5)), section(r.body(8)));
  assert.match(gap.recording.problems[0].text, /3 events of runtime 1 are missing/);
  assert.equal(gap.eventNumber(gap.rts[0], 5), 8);
  assert.equal(gap.eventOfNumber(gap.rts[0], 8), 5);
  assert.equal(gap.eventOfNumber(gap.rts[0], 6), -1);
});

test('overflow, a burst, another clock and version, unknown events are told', () => {
  const r = new Runtime({ first: 1234567, flags: 2, reason: 4, what: 'a poll took 30 ms' });
  r.polled(100, 1, 10).event('lost', 200, 9).event(77, 300).polled(250, 1, 10).polled(400, 1, 10);
  const bytes = file(r, section(Buffer.from('later'), 0x1234));
  const m = Lens.model(Lens.parse(bytes));
  const texts = m.recording.problems.map((problem) => problem.text).join('\n');
  assert.match(texts, /1,234,567 events of runtime 1 are gone/);
  assert.match(texts, /9 events of runtime 1 were lost/);
  assert.match(texts, /clock of runtime 1 has gone back once/);
  assert.match(texts, /One event of runtime 1 is of a kind/);
  assert.match(texts, /system's clock/);
  assert.match(texts, /too slow: a poll took 30 ms/);
  assert.match(texts, /One section is of a kind/);
  assert.equal(m.polls, 3);
  bytes[16] = 2;
  assert.match(Lens.parse(bytes).problems[0].text, /version 2/);
});

test('a call that is told late does not count as a clock that goes back', () => {
  const r = new Runtime();
  r.polled(500, 1, 10).event('callRan', 300, 1, 100).polled(600, 1, 10);
  assert.deepEqual(kinds(read(r)), []);
});

test('names are read whole, whatever they are', () => {
  const r = s.nasty();
  const m = read(r);
  assert.deepEqual(m.taskList.slice(2).map((task) => task.name), r.nastyNames);
  assert.equal(Lens.visible('abc\u202edcba\u0000'), 'abc⟨202e⟩dcba␀');
});

test('what is alive at the end is known by its name', () => {
  const r = new Runtime({ first: 50 });
  r.tasks.push({ id: 3, name: 'old one', place: 'a.rs:1:1', since: 5, state: 0 });
  r.sources.push({ key: 77n, fd: 9, kind: 4, peer: '/run/x', waiting: 1 });
  r.polled(1000, 3, 100);
  const m = read(r);
  assert.deepEqual([m.taskList[0].name, m.taskList[0].spawned, m.fds[0].peer], ['old one', -995, '/run/x']);
});

test('every prefix, every flipped byte, and every lie about a length: no exception', () => {
  const third = s.echo();
  third.settings.runtime = 3;
  const bytes = file(...s.two(), third);
  for (let length = 0; length < bytes.length; length++) {
    const m = Lens.model(Lens.parse(bytes.slice(0, length)));
    assert.ok(m.rts.length <= 3);
    // At the end of a section the file is whole.
    if (length > 24 && m.rts.length === 0) assert.ok(m.recording.problems.length > 0);
  }
  for (let at = 0; at < bytes.length; at++) {
    const copy = bytes.slice();
    copy[at] ^= 1 << at % 8;
    const m = Lens.model(Lens.parse(copy));
    assert.ok(m.recording.problems.length > 0 || m.rts.length === 3, `byte ${at}`);
    assert.ok(m.rts.length >= 2, `byte ${at}`);
  }
  // With checksums that are right.
  const body = s.echo().body();
  for (let at = 0; at < body.length; at++) {
    for (const value of [0, 255, body[at] ^ 8]) {
      const copy = Buffer.from(body);
      copy[at] = value;
      const m = Lens.model(Lens.parse(file(section(copy))));
      for (let p = 0; p < m.polls; p++) Lens.describe.poll(m, p);
    }
  }
});

test('what blocked, and who waited', () => {
  const m = read(s.slow());
  const p = m.slowest;
  assert.equal(m.tasks[m.task[p]].name, 'report');
  assert.deepEqual(m.longestPolls(1), [p]);
  assert.ok(m.behind(p).count >= 4);
  const ahead = m.ahead(m.longest);
  assert.ok(ahead.longest.includes(p));
});

test('a million events are read in a few seconds', () => {
  const bytes = file(s.many(1_000_000));
  const begin = performance.now();
  const recording = Lens.parse(bytes);
  const parsed = performance.now();
  const m = Lens.model(recording);
  const done = performance.now();
  console.log(`# a million events: parsed in ${(parsed - begin).toFixed(0)} ms, model in ${(done - parsed).toFixed(0)} ms`);
  assert.ok(m.polls > 100_000);
  assert.ok(done - begin < 10_000);
});

test('system calls: threads, and what a call was given and returned', () => {
  const m = read(...s.rungs());
  assert.deepEqual(m.recording.problems, []);
  assert.deepEqual(m.threads.map((thread) => [m.rts[thread.rt].label, thread.tid, thread.n]), [['select', 41, 21], ['epoll_edge', 52, 19], ['epoll_edge', 53, 2]]);
  const { callAt, short, sentences, threadName } = Lens.calls, [select, edge] = m.threads;
  assert.deepEqual([threadName(m, select), threadName(m, m.threads[2])], ['select', 'epoll_edge, thread 2']);
  const wait = callAt(m, select, 1);
  assert.deepEqual([wait.name, wait.kind, wait.given, wait.result, wait.took, wait.start, wait.end], ['select', Lens.calls.WAITS, 3, 1, 80_000, 10_000, 90_000]);
  assert.equal(short(wait), 'select 3 → 1');
  assert.match(sentences(m, select, wait).given[0], /^A list of 3 descriptors\./);
  const nothing = callAt(m, edge, 4);
  assert.deepEqual([short(nothing), nothing.given], ['recv EAGAIN', 8]);
  assert.deepEqual(sentences(m, edge, nothing).given[1], { text: 'TCP stream 8 (epoll_edge, client 1)', go: { fd: 1 } });
  assert.equal(short(callAt(m, edge, 1)), 'epoll_wait → 1');
  const rows = Object.fromEntries(Lens.calls.sums(m).map((row) => [`${m.rts[row.rt].label} ${row.name}`, [row.count, row.given, row.ready, row.empty, row.failed]]));
  assert.deepEqual(rows['select select'], [10, 30, 10, 0, 0]);
  assert.deepEqual(rows['epoll_edge epoll_wait'], [5, 0, 5, 0, 0]);
  assert.deepEqual(rows['epoll_edge recv'], [10, 0, 0, 5, 0]);
  assert.equal(m.from, select.start[0], 'it begins when the first call began');
});

test('system calls: times and results at the ends of what fits, and calls without a name', () => {
  const r = new Runtime();
  r.called(100, 2 ** 32 - 1, 65535, 2n ** 40n - 1n, -(2 ** 23)).called(200, 2 ** 32 - 1, 45, 50, 2 ** 23 - 1, 65534);
  const m = read(r), [thread] = m.threads, [first, second] = [0, 1].map((k) => Lens.calls.callAt(m, thread, k));
  assert.deepEqual([first.name, first.kind, first.given, first.result, first.took], ['call 65535', Lens.calls.OTHER, -1, -(2 ** 23), 2 ** 40 - 1]);
  assert.deepEqual([second.given, second.result], [65534, 2 ** 23 - 1]);
  assert.equal(Lens.calls.sentences(m, thread, first).given[0], 'That is not known.');
  for (const k of [0, 1]) assert.ok(!/undefined|NaN/.test(Lens.calls.inWords(m, thread, k)));
});

test('a recording without system calls has no threads', () => {
  const m = read(s.echo());
  assert.deepEqual([m.threads, m.rts[0].threads], [[], []]);
});

test('a poll that is a nanosecond short, since its length is rounded on its own, has its events', () => {
  const r = new Runtime();
  r.spawned(1000, 1, { name: 'block_on' });
  r.registered(1000, 77n, 7, 1);
  r.looked(50_000, 49_000, 1);
  r.event('reported', 50_000, 77n, 1);
  r.event('woken', 50_000, 1, by.report(77n));
  r.event('turned', 51_000, 50_000, 0);
  r.tried(51_000, 77n, 1, 1);
  r.event('waits', 51_000, 1, 77n);
  r.polled(53_000, 1, 1999);
  const m = Lens.model(Lens.parse(file(r)));
  assert.equal(m.start[0], 50_000, 'since the first event');
  assert.equal(m.during(0).length, 2);
});
