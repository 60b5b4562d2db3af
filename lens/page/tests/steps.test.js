'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { wrong } = require('./lines.js');
const Lens = require('../recording.js');
const s = require('./scenarios.js');

const replay = (...parts) => {
  const m = Lens.model(Lens.parse(s.file(...parts)));
  return new Lens.Replay(m, m.rts[0]);
};

test('each function of the table is where it says (`node lens/page/tests/lines.js --fix` writes the lines anew)', () => {
  assert.deepEqual(wrong(), []);
});

test('the steps of one echo', () => {
  const r = replay(s.echo());
  const from = r.stepFor(2), steps = r.story(from, from + 14);
  assert.deepEqual(steps.map((it) => it.kind), ['sleeps', 'wakes', 'found', 'noted', 'called', 'queued', 'turned', 'comes', 'runs', 'tries', 'result', 'tries', 'result', 'waits', 'over']);
  assert.deepEqual(steps.map((it) => it.code.map((key) => Lens.code[key].name).join(', ')), [
    'Worker::park, Epoll::wait', 'Epoll::wait', 'Reactor::turn', 'Source::report', 'Waiters::wake, wake_own', 'OwnSlot::schedule, OwnScheduler::push', 'Worker::turn',
    'Worker::run, OwnScheduler::pop', 'OwnScheduler::run, coop::enter', 'Socket::transfer, Io::poll', 'recv, Source::clear_after_short', 'Socket::transfer, Io::poll', 'send',
    'Source::look_or_wait, Waiters::store_first', 'OwnScheduler::settle, OwnSlot::put_body']);
  assert.match(steps[1].sentence, /^After 99\.0 µs the kernel wakes her: one tap has news\.$/);
  assert.match(steps[3].sentence, /readable/);
  assert.match(steps[5].sentence, /echo #2 goes to the end of the queue: it is the first\./);
  assert.match(steps[14].sentence, /echo #2 is not finished: after 5\.00 µs/);
});

test('what is where after each step', () => {
  const r = replay(s.echo()), from = r.stepFor(2);
  const where = (k) => {
    const state = r.seek(k);
    return [state.auntie, state.task[1], state.queue.length, state.table.length, state.running.get(1) ?? 0];
  };
  assert.deepEqual([0, 3, 5, 7, 10, 14].map((k) => where(from + k)), [
    ['sleeps', 1, 0, 0, 0], ['looks', 1, 0, 0, 1], ['calls', 2, 1, 0, 1], ['serves', 3, 0, 1, 1], ['serves', 3, 0, 1, 0], ['serves', 1, 0, 0, 0]]);
  // Back and forth leads to the same.
  assert.deepEqual(where(from + 5), ['calls', 2, 1, 0, 1]);
});

test('every step of every scenario says something, with functions that are in the table', () => {
  for (const parts of [[s.echo()], [s.slow()], s.two(), [s.nasty()]]) {
    const m = Lens.model(Lens.parse(s.file(...parts)));
    for (const rt of m.rts) {
      const r = new Lens.Replay(m, rt);
      for (const it of r.story(0, r.count)) {
        assert.ok(it.sentence.length > 10 && !/undefined|NaN/.test(it.sentence), it.sentence);
        for (const key of it.code) assert.ok(Lens.code[key], key);
        assert.ok(Number.isFinite(it.time));
      }
      r.seek(r.count - 1);
    }
  }
});

test('events that no scenario has', () => {
  const r = new s.Runtime();
  let time = 0;
  for (const kind of Object.values(require('./writer.js').KINDS)) for (const cause of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99]) r.event(kind, time += 10, 1, cause);
  const it = replay(r);
  for (const { sentence } of it.story(0, it.count)) assert.ok(sentence.length > 5 && !/undefined|NaN/.test(sentence), sentence);
  it.seek(it.count - 1);
});

test('whatever is in a section, nothing of the page throws', () => {
  for (const part of ['requests', 'lanes', 'tables', 'link']) require(`../${part}.js`);
  const { section } = require('./writer.js');
  for (const runtime of [s.echo(), s.two()[1], s.nasty()]) {
    const body = runtime.body();
    for (let at = 0; at < body.length; at++) {
      const copy = Buffer.from(body);
      copy[at] = at % 3 === 0 ? 255 : at % 3 === 1 ? 0 : copy[at] ^ 1 << at % 8;
      const m = Lens.model(Lens.parse(s.file(section(copy))));
      for (let p = 0; p < m.polls; p++) {
        Lens.describe.poll(m, p);
        Lens.arrows(m, p);
        Lens.related(m, p);
      }
      for (const r of Lens.requests(m).list) {
        assert.ok(r.from <= r.seen && r.seen <= r.end && !/undefined|NaN/.test(Lens.describe.requestInWords(m, r)));
        Lens.requestAt(m, m.rts[r.rt], r.answer);
      }
      for (const table of Object.values(Lens.tables)) {
        const { rows, columns } = Lens.sorted(m, table, table.sort);
        for (const row of rows) {
          columns.forEach((column) => column.show(row, column.value(row)));
          table.go(m, row, 0);
        }
      }
      for (const order of ['first', 'busy']) new Lens.Lanes(m).set({ show: 'all', order });
      for (const rt of m.rts) {
        const r = new Lens.Replay(m, rt);
        for (const { sentence } of r.story(0, r.count)) assert.ok(!/undefined|NaN/.test(sentence), sentence);
        if (r.count) r.seek(r.count - 1);
        for (let p = rt.firstPoll; p < rt.pollsEnd; p++) r.stepFor(p);
      }
      Lens.fromHash(m, Lens.toHash({ ...{ model: m, view: 'auntie', tab: 'tasks', show: 'all', order: 'first', query: '', t0: 0, t1: 1, rt: 0, step: 1 }, view: m.rts.length ? 'auntie' : 'timeline', selection: m.polls ? { poll: 0 } : null }));
    }
  }
});

test('the page is put together of its files, none of which ends its own element', () => {
  const html = require('./browser.js').build(s.file(s.echo()));
  assert.ok(!/(src|href)="[\w.]+\.(js|css)"/.test(html));
  const page = path.join(__dirname, '..');
  const named = fs.readFileSync(path.join(page, 'index.html'), 'utf8');
  for (const file of fs.readdirSync(page)) if (/\.(js|css)$/.test(file)) assert.ok(named.includes(`"${file}"`), `${file} is in no page`);
  for (const file of fs.readdirSync(page)) {
    if (!file.endsWith('.js')) continue;
    // A page that a program serves asks that program, and nobody else.
    const code = fs.readFileSync(path.join(page, file), 'utf8').replace(file === 'live.js' ? "fetch('dump')" : '', '');
    assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|fetch\(|XMLHttpRequest|https?:\/\/(?!www\.w3\.org\/2000\/svg)/.test(code), file);
  }
});
