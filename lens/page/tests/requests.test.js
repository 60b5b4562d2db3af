// Requests: which there are, where their time went, and the way to the slowest one, in three clicks.
'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const Lens = require('../recording.js');
for (const part of ['text', 'model', 'graph', 'describe', 'calls', 'requests', 'link']) require(`../${part}.js`);
const { Browser } = require('./browser.js');
const s = require('./scenarios.js');
const { Runtime, section, by } = require('./writer.js');

const ROOT = path.join(__dirname, '../../..');
const US = 1000, READ = 1, WRITE = 2, DONE = 0, EMPTY = 1, NOTHING = 2;
const KEY = 0x1000n, OTHER = 0x2000n;

const read = (...parts) => Lens.model(Lens.parse(s.file(...parts)));
const plain = (said) => Lens.describe.plain(said);
const told = (m, r) => Lens.describe.request(m, r).parts.map((part) => plain(part.text));

/** A runtime with one task, which serves one connection. */
function server(settings = {}) {
  const r = new Runtime(settings);
  r.spawned(0, 1, { name: 'connection' });
  r.event('woken', 0, 1, by.begins());
  r.registered(US, KEY, 7, 1, '10.0.0.1:50000');
  r.event('waits', US, 1, KEY);
  r.polled(2 * US, 1, US);
  return r;
}

/** epoll is asked for so long, and reports. The turn takes 1 µs. */
function reported(r, at, { took = 90 * US, task = 1, key = KEY } = {}) {
  r.looked(at, took, 1);
  r.event('reported', at, key, 1);
  r.event('woken', at, task, by.report(key));
  r.event('turned', at + US, took + US, 1);
}

test('an echo is a request: from the report to the end of the poll that answers', () => {
  const m = read(s.echo()), { count, list: [r] } = Lens.requests(m);
  assert.deepEqual([count, r.from, r.seen, r.end, r.poll, m.fds[r.fd.index].peer], [1, 109 * US, 110 * US, 118 * US, 2, '127.0.0.1:50000']);
  assert.deepEqual(Lens.requestSums(m, r), { unseen: US, queued: 2 * US, 'at work': 5 * US, waiting: US });
});

test('what came while the loop did not look may be as old as the last look', () => {
  const r = server();
  reported(r, 100 * US);
  r.tried(102 * US, KEY, READ, EMPTY).tried(103 * US, KEY, WRITE, DONE).polled(104 * US, 1, 3 * US);
  r.spawned(104 * US, 2, { name: 'statistics', cause: by.outside }).event('woken', 104 * US, 2, by.begins());
  r.looked(110 * US, 2 * US, 0).event('turned', 111 * US, 3 * US, 1);
  r.polled(5111 * US, 2, 5000 * US);
  reported(r, 5113 * US, { took: US });
  r.tried(5115 * US, KEY, READ, EMPTY).tried(5116 * US, KEY, WRITE, DONE).polled(5117 * US, 1, 3 * US);
  const m = read(r), { count, list: [slow] } = Lens.requests(m);
  assert.equal(count, 2);
  assert.deepEqual([slow.from, slow.seen, slow.end, slow.number], [110 * US, 5113 * US, 5117 * US, 2]);
  assert.deepEqual(told(m, slow), ['up to 5.00 ms in the kernel, until the loop looked at epoll again: statistics #2 (5.00 ms)',
    '1.00 µs in the queue, with nobody before it', '3.00 µs at work in this poll, which answers']);
  // A client that has no answer yet has not asked again.
  const early = server();
  reported(early, 100 * US);
  early.tried(102 * US, KEY, READ, EMPTY).tried(190 * US, KEY, WRITE, DONE).polled(191 * US, 1, 90 * US);
  reported(early, 200 * US, { took: US });
  early.tried(202 * US, KEY, READ, EMPTY).tried(202 * US, KEY, WRITE, DONE).polled(203 * US, 1, 2 * US);
  assert.equal(Lens.requests(read(early)).list.at(-1).from, 190 * US);
});

test('a request that waits for a timer, and one that comes in pieces', () => {
  const r = server();
  reported(r, 100 * US);
  r.tried(102 * US, KEY, READ, DONE).event('timerSet', 103 * US, 5, 1103 * US).event('waits', 103 * US, 2, 5).polled(104 * US, 1, 3 * US);
  r.looked(1110 * US, 1000 * US, 0).event('timerFired', 1110 * US, 5, 1103 * US).event('woken', 1110 * US, 1, by.timer(5)).event('turned', 1111 * US, 1001 * US, 1);
  r.tried(1112 * US, KEY, WRITE, DONE).event('waits', 1112 * US, 1, KEY).polled(1113 * US, 1, 2 * US);
  reported(r, 2000 * US);
  r.tried(2001 * US, KEY, READ, EMPTY).event('waits', 2001 * US, 1, KEY).polled(2002 * US, 1, US);
  reported(r, 2400 * US);
  r.tried(2401 * US, KEY, READ, EMPTY).tried(2401 * US, KEY, WRITE, DONE).polled(2402 * US, 1, US);
  reported(r, 2500 * US);
  r.tried(2501 * US, KEY, WRITE, DONE).polled(2502 * US, 1, US);
  const m = read(r), { count, list: [first, second] } = Lens.requests(m);
  assert.equal(count, 2);
  const queued = '1.00 µs in the queue, with nobody before it';
  assert.deepEqual(told(m, first), [queued, '3.00 µs at work in this poll', '1.01 ms waiting for a timer, which was set in this poll', queued, '2.00 µs at work in this poll, which answers']);
  assert.deepEqual(Lens.describe.request(m, first).why.map(plain), ['This is the slowest request of the recording.', '99 % of its time: 1.01 ms waiting for a timer, which was set in this poll.']);
  assert.match(told(m, second)[2], /waiting for TCP stream 7 \(10\.0\.0\.1:50000\), since this poll$/);
  assert.equal(plain(Lens.describe.request(m, second).took), '402 µs at most, from when it may have come to the end of the poll that answers. The answer was sent in 2 writes, the last of them 100 µs later.');
  // The link leads to it again, in a newer model of the run, too.
  const hash = Lens.toHash({ view: 'timeline', tab: 'requests', show: 'all', order: 'first', query: '', model: m, t0: 0, t1: 1, selection: { poll: second.poll, request: second } });
  assert.deepEqual(Lens.fromHash(m, hash).selection, { poll: second.poll, request: second });
  const { selection } = Lens.fromHash(read(r), hash);
  assert.deepEqual([selection.request.from, selection.request.number, Lens.fromHash(m, hash).tab], [2000 * US, 2, 'requests']);
});

test('one task reads and another one answers', () => {
  const r = server();
  r.spawned(3 * US, 2, { name: 'writer' }).event('woken', 3 * US, 2, by.begins()).polled(5 * US, 2, US);
  reported(r, 100 * US);
  r.tried(102 * US, KEY, READ, EMPTY).event('woken', 103 * US, 2, by.task(1)).polled(104 * US, 1, 3 * US);
  r.tried(105 * US, KEY, WRITE, DONE).polled(106 * US, 2, 2 * US);
  const m = read(r), { list: [it] } = Lens.requests(m);
  assert.equal(Lens.describe.taskName(m.tasks[it.task]), 'writer #2');
  assert.deepEqual(told(m, it).slice(1), ['3.00 µs at work in this poll', '2.00 µs at work in this poll, which answers']);
});

test('what this program asks others is no request, nor are datagrams, what has no answer, or what spans a gap', () => {
  const none = (r) => assert.equal(Lens.requests(read(r)).count, 0);
  // It writes first.
  const client = server();
  client.tried(3 * US, KEY, WRITE, DONE).tried(3 * US, KEY, READ, NOTHING).polled(4 * US, 1, US);
  reported(client, 100 * US);
  client.tried(102 * US, KEY, READ, EMPTY).polled(103 * US, 1, 2 * US);
  client.event('woken', 900 * US, 1, by.outside).tried(901 * US, KEY, WRITE, DONE).polled(902 * US, 1, US);
  none(client);
  // It began before the recording does: the peer has a port of servers.
  for (const [peer, count] of [['10.0.0.9:5432', 0], ['10.0.0.9:43210', 1], ['', 1]]) {
    const r = new Runtime({ first: 1000 });
    r.tasks.push({ id: 1 });
    r.sources.push({ key: KEY, fd: 9, kind: 1, peer: peer || undefined });
    reported(r, 100 * US);
    r.tried(102 * US, KEY, READ, EMPTY).tried(102 * US, KEY, WRITE, DONE).polled(103 * US, 1, 2 * US);
    assert.equal(Lens.requests(read(r)).count, count, peer);
  }
  const udp = server();
  udp.registered(3 * US, OTHER, 8, 3);
  reported(udp, 100 * US, { key: OTHER });
  udp.tried(102 * US, OTHER, READ, EMPTY).tried(102 * US, OTHER, WRITE, DONE).polled(103 * US, 1, 2 * US);
  none(udp);
  const silent = server();
  reported(silent, 100 * US);
  silent.tried(102 * US, KEY, READ, EMPTY).tried(102 * US, KEY, WRITE, NOTHING).polled(103 * US, 1, 2 * US);
  none(silent);
  // The first answer and what came next are lost between two sections.
  const lost = server();
  reported(lost, 100 * US);
  lost.tried(102 * US, KEY, READ, EMPTY).polled(103 * US, 1, 2 * US);
  const cut = lost.count;
  lost.tried(104 * US, KEY, WRITE, DONE).polled(105 * US, 1, US);
  const rest = lost.count;
  lost.event('woken', 9000 * US, 1, by.outside).tried(9001 * US, KEY, WRITE, DONE).polled(9002 * US, 1, US);
  const parts = (to, from) => read(section(lost.body(0, to)), section(lost.body(from)));
  assert.deepEqual([Lens.requests(parts(cut, cut)).count, Lens.requests(parts(cut, rest)).count], [1, 0]);
});

test('of many requests the slowest are kept, in order', () => {
  const m = read(s.many(200_000)), { count, list } = Lens.requests(m);
  assert.ok(count > 10_000 && list.length === 200);
  const times = list.map((r) => r.end - r.from);
  assert.deepEqual(times, [...times].sort((a, b) => b - a));
  for (const r of list) {
    const sums = Lens.requestSums(m, r), all = Object.values(sums).reduce((a, b) => a + b);
    assert.ok(Math.abs(all - (r.end - r.from)) < 1, 'the stretches are all of its time');
  }
});

const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = !fs.existsSync(chromium) && !process.env.CI && `there is no ${chromium}`;

// A recording of `examples/http` is here, so that the walk needs no program. If it is removed, AYI_WRITE=1 makes it anew.
const KEPT = path.join(__dirname, 'http.ayi');
const PICTURES = path.join(__dirname, '../../pictures');
const mayWrite = process.env.AYI_WRITE === '1';
/** Who asks for a slow answer at last, while others ask for `/`. */
const SLOW = '127.0.0.77', PAUSE = 40;

/** Asks once a millisecond, until `isEnough` says so. Returns how often. */
function ask(port, target, localAddress, isEnough) {
  let answers = 0;
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', localAddress });
    const send = () => socket.write(`GET ${target(answers)} HTTP/1.1\r\nHost: ayi\r\n\r\n`);
    socket.setNoDelay(true).on('error', reject).on('connect', send);
    socket.on('data', (data) => {
      if (!data.toString().startsWith('HTTP/1.1 200 ')) return reject(new Error(data.toString()));
      answers++;
      if (isEnough(answers)) socket.destroy();
      else setTimeout(send, 1);
    });
    socket.on('close', () => resolve(answers));
  });
}

/** Runs a server under some load, with one answer after `pause` ms. Returns its recording, if it can record, and how many requests there were. */
async function record(program, pause) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ayi-http-')), file = path.join(folder, 'http.ayi');
  const env = { ...process.env, AYI_RECORD: file };
  delete env.AYI_LIVE;
  const child = spawn(program, ['127.0.0.1:0'], { argv0: 'http', env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const line = await new Promise((resolve, reject) => {
      child.stdout.once('data', (data) => resolve(data.toString()));
      child.once('error', reject).once('exit', () => reject(new Error(`${program} has ended`)));
    });
    const port = Number(/:(\d+)\s*$/.exec(line)[1]);
    let isOver = false;
    const others = Array.from({ length: 6 }, () => ask(port, () => '/', '127.0.0.1', () => isOver));
    const slow = await ask(port, (answers) => (answers < 3 ? '/' : `/sleep/${pause}`), SLOW, (answers) => answers === 4);
    isOver = true;
    const requests = slow + (await Promise.all(others)).reduce((a, b) => a + b);
    child.kill('SIGINT');
    await ended;
    return fs.existsSync(file) ? { bytes: new Uint8Array(fs.readFileSync(file)), requests } : null;
  } finally {
    child.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true });
  }
}

/** A fresh recording of the newest build of `examples/http`, if there is one with the feature `record`. */
async function fresh(pause) {
  const target = process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target');
  const programs = ['debug', 'release'].map((profile) => path.join(target, profile, 'examples/http')).filter((program) => fs.existsSync(program));
  programs.sort((a, b) => fs.statSync(b).mtimeMs - fs.statSync(a).mtimeMs);
  for (const program of programs) {
    const recording = await record(program, pause);
    if (recording) return recording;
  }
  return null;
}

test('the slowest request, in three clicks', { skip, timeout: 120_000 }, async (t) => {
  const browser = new Browser();
  t.after(() => browser.close());

  /** Clicks from the opened page to the reason. `picture` is told after each click. */
  async function walk(bytes, pause, settings, picture) {
    const page = await browser.page(settings);
    await page.open(bytes);
    const took = Number(/^Slowest request:\s+([\d.]+) ms/.exec(await page.text('#slowest-request'))[1]);
    assert.ok(took >= pause && took < pause * 2, `${took} ms`);

    // Which it is: who asked, on which connection, when, and where the time went.
    await page.click('#slowest-request');
    const { request } = await page.value('(({ selection: { request } }) => ({ request: { fd: request.fd.fd, from: request.from, end: request.end } }))(Lens.app)');
    assert.match(await page.text('#panel h2'), new RegExp(`^Request from ${SLOW}:\\d+$`));
    assert.match(await page.text('#panel .quiet'), /^Request 4 of 4 on this connection, at \d+\.\d+ ms, on worker 0$/);
    assert.deepEqual((await page.texts('#panel .why p')).map((text) => text.replace(/\d+(\.\d+)?/g, 'N')),
      ['This is the slowest request of the recording.', 'N % of its time: N ms waiting for a timer, which was set in this poll.']);
    assert.match(await page.text('#panel dl'), new RegExp(`connection from ${SLOW}:\\d+ #\\d+ answered it, on TCP stream ${request.fd}\\.[^]*at work in this poll[^]*waiting for a timer[^]*at work in this poll, which answers`));
    // All of it is in sight, and its lane is the one that is selected.
    assert.ok(await page.value(`Lens.app.t0 < ${request.from} && Lens.app.t1 > ${request.end} && Lens.app.t1 - Lens.app.t0 < ${(request.end - request.from) * 1.5}`));
    assert.ok((await page.value('Lens.app.timeline.lanes.title(Lens.app.lane)')).startsWith(`connection from ${SLOW}:`));
    assert.match(await page.value('location.hash'), /request=/);
    await picture(page, 1);

    // What belongs to it: the others are gone.
    const lanes = await page.value('Lens.app.timeline.lanes.list.length');
    await page.click('#related');
    const left = await page.value('[...Lens.app.timeline.lanes.list].map((lane) => Lens.app.timeline.lanes.title(lane))');
    assert.ok(left.length <= 3 && left.length < lanes, left.join());
    assert.ok(left.some((title) => title.startsWith(`connection from ${SLOW}:`)) && left.some((title) => title.startsWith(`TCP stream ${request.fd} (${SLOW}:`)), left.join());
    assert.match(await page.text('#panel h2'), new RegExp(`^Request from ${SLOW}`));
    await picture(page, 2);

    // Why: the poll that read it has set a timer.
    await page.click('#panel .why button');
    assert.match(await page.text('#panel h2'), new RegExp(`^connection from ${SLOW}:\\d+ #\\d+$`));
    assert.match(await page.text('#panel dl'), new RegExp(`tried to read from TCP stream ${request.fd}: done[^]*set a timer: due [\\d.]+ ms later[^]*examples/http/main\\.rs:\\d+`));
    // A little higher, so that all that the panel says is in the picture.
    const { width, height, isPhone = false, ratio = 1 } = settings;
    if (!isPhone) await page.ask('Emulation.setDeviceMetricsOverride', { width, height: 860, deviceScaleFactor: ratio, mobile: false });
    await picture(page, 3);
    if (!isPhone) await page.ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: ratio, mobile: false });

    // By the tables it is three, too, and by the keyboard.
    await page.open(undefined, '#');
    await page.click('#tab-tables');
    await page.click('[data-key="table-requests"]');
    assert.match((await page.texts('tbody tr:first-child td'))[0], new RegExp(`^${SLOW}:`));
    assert.equal(await page.text('th[aria-sort]'), 'At most');
    await page.click('tbody tr:first-child td:first-child button');
    assert.match(await page.text('#panel h2'), new RegExp(`^Request from ${SLOW}`));
    await page.value('document.getElementById("request-quicker").focus()');
    await page.key('Enter');
    assert.doesNotMatch(await page.text('#panel h2'), new RegExp(SLOW));
    assert.equal(await page.value('document.activeElement.id'), 'request-quicker');
    await page.click('#request-slower');
    assert.match(await page.text('#panel h2'), new RegExp(`^Request from ${SLOW}`));
    assert.equal(await page.value('document.getElementById("request-slower").disabled'), true);
    assert.ok(await page.value('document.documentElement.scrollWidth <= innerWidth'));
    assert.deepEqual(page.errors, []);
    await browser.ask('Target.closeTarget', { targetId: page.target });
  }

  if (mayWrite && !fs.existsSync(KEPT)) {
    const recorded = await fresh(PAUSE);
    assert.ok(recorded, 'build it: cargo build --release --features record --example http');
    fs.writeFileSync(KEPT, recorded.bytes);
  }
  // Whatever else this machine does, no other answer should take so long.
  const long = 500, recorded = await fresh(long);
  const kept = new Uint8Array(fs.readFileSync(KEPT));
  const pictures = (name, which) => async (page, click) => {
    if (!mayWrite || !which.includes(click)) return;
    fs.mkdirSync(PICTURES, { recursive: true });
    const file = path.join(PICTURES, `${name}-${click}.png`);
    await page.frame();
    await page.picture(file);
    assert.ok(fs.statSync(file).size < 150_000, file);
  };
  const small = { width: 1200, height: 620 };
  await t.test('in a recording that is here', () => walk(kept, PAUSE, small, pictures('slowest-request', [1, 2, 3])));
  await t.test('in the dark', () => walk(kept, PAUSE, { ...small, scheme: 'dark' }, () => {}));
  await t.test('on a phone', () => walk(kept, PAUSE, { width: 390, height: 800, isPhone: true, ratio: 1 }, pictures('slowest-request-phone', [1])));
  await t.test('in a new one of examples/http: each request is there', { skip: !recorded && !process.env.CI && 'examples/http is not built with the feature record' }, async () => {
    assert.ok(recorded, 'examples/http is not built with the feature record');
    await walk(recorded.bytes, long, small, () => {});
    const m = Lens.model(Lens.parse(recorded.bytes));
    assert.equal(m.rts.reduce((sum, rt) => sum + rt.overwritten, 0), 0, 'the ring is large enough');
    assert.equal(Lens.requests(m).count, recorded.requests);
  });
});
