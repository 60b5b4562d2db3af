// The page that a program serves, with a program that is played by this test.
'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { Browser, buildLive } = require('./browser.js');
const { Runtime, section, by } = require('./writer.js');

const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = !fs.existsSync(chromium) && !process.env.CI && `there is no ${chromium}`;
const MS = 1_000_000;
const picture = (page, name) => process.env.PICTURES && page.picture(path.join(process.env.PICTURES, `${name}.png`));

/** What the header of `runtime/src/watch/live/reply.rs` allows. */
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** A program with one runtime. It serves the page, and sends what is new when the test says so. */
class Program {
  constructor(base = 1_700_000_000_000_000_000n) {
    Object.assign(this, { base, clients: new Set(), sent: 0, at: 0, runtime: new Runtime({ program: '/usr/bin/server', base }) });
    this.runtime.spawned(1000, 1, { name: 'block_on', place: 'src/main.rs:3:1' });
    this.runtime.spawned(2000, 2, { name: 'connection', place: 'src/main.rs:9:5', cause: by.task(1) });
    this.work(200);
  }

  // Polls every 10 ms, and a name for each hundred.
  work(polls) {
    for (let i = 0; i < polls; i++) {
      this.at += 10 * MS;
      this.runtime.event('woken', this.at, 2, by.message);
      this.runtime.polled(this.at + 2 * MS, 2, 1.5 * MS);
      this.runtime.looked(this.at + 9 * MS, 6.5 * MS, 1);
    }
  }

  event(from) { return `data: ${section(this.runtime.body(from, this.runtime.count)).toString('base64')}\n\n`; }

  /** Sends what is new. */
  send() {
    const event = this.event(this.sent);
    this.sent = this.runtime.count;
    for (const client of this.clients) client.write(event);
  }

  async begin(port = 0) {
    this.server = http.createServer((request, response) => {
      response.setHeader('Content-Security-Policy', POLICY);
      if (request.url === '/') response.setHeader('Content-Type', 'text/html; charset=utf-8').end(buildLive());
      else if (request.url === '/events') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write(this.event(0));
        this.sent = this.runtime.count;
        this.clients.add(response);
        response.on('close', () => this.clients.delete(response));
      } else if (request.url === '/dump') {
        this.asked = (this.asked ?? 0) + 1;
        response.writeHead(this.refuses ? 503 : 200, { 'Content-Type': 'text/plain; charset=utf-8' }).end(this.refuses ?? this.dump);
      } else response.writeHead(404).end();
    });
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    return this;
  }

  /** It is killed: all connections end. */
  async end() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  get url() { return `http://127.0.0.1:${this.port}/`; }
}

test('a page that follows a program', { skip, timeout: 120_000 }, async (t) => {
  const browser = new Browser();
  t.after(() => browser.close());
  const within = (name, settings, body) => t.test(name, async () => {
    const page = await browser.page(settings), program = await new Program().begin();
    try {
      await page.visit(program.url);
      await page.until('Lens.app.model?.polls === 200');
      await body(page, program);
      assert.deepEqual(page.errors, []);
    } finally {
      await browser.ask('Target.closeTarget', { targetId: page.target });
      if (program.server.listening) await program.end();
    }
  });
  const state = (page) => page.texts('#live-state, #live-button');
  const follows = (page, polls) => page.until(`Lens.app.model.polls === ${polls} && Lens.app.t1 === Lens.app.model.to`);

  await within('the window moves with the newest event, and the rest grows', {}, async (page, program) => {
    assert.deepEqual(await state(page), ['Live', 'Pause']);
    assert.equal(await page.value('document.title'), 'server – live, ayi');
    assert.equal(await page.value('Lens.app.t0 === Lens.app.model.from'), true, 'there is less than a window');
    for (let polls = 400; polls <= 1200; polls += 200) {
      program.work(200);
      program.send();
      await follows(page, polls);
    }
    assert.equal(await page.value('Lens.app.t1 - Lens.app.t0'), 5e9);
    assert.match(await page.text('#facts'), /^1 runtime · 2 tasks · 1,200 polls/);
    assert.equal(await page.value('location.hash'), '', 'the address does not name a window that is soon another one');
    // A task that begins now gets a lane. What has the focus keeps it.
    await page.value('document.getElementById("slowest").focus()');
    program.runtime.spawned(program.at + 10 * MS, 3, { name: 'newcomer', cause: by.task(1) });
    program.send();
    await page.until('Lens.app.model.taskList.some((task) => task.name === "newcomer")');
    assert.equal(await page.text('#lane-count'), '4 lanes');
    assert.equal(await page.value('document.activeElement.id'), 'slowest');
    await picture(page, 'live');
  });

  await within('a zoom, a drag and a selection pause, and a button follows again', {}, async (page, program) => {
    const box = await page.value('(({ x, y, width, height }) => ({ x: x + width * .7, y: y + height * .3 }))(document.getElementById("timeline").getBoundingClientRect())');
    const wheel = () => page.ask('Input.dispatchMouseEvent', { type: 'mouseWheel', ...box, deltaX: 0, deltaY: -120 });
    const drag = async () => {
      await page.ask('Input.dispatchMouseEvent', { type: 'mousePressed', ...box, button: 'left', buttons: 1, clickCount: 1 });
      for (let i = 1; i < 5; i++) await page.ask('Input.dispatchMouseEvent', { type: 'mouseMoved', x: box.x - i * 20, y: box.y, button: 'left', buttons: 1 });
      await page.ask('Input.dispatchMouseEvent', { type: 'mouseReleased', x: box.x - 100, y: box.y, button: 'left', clickCount: 1 });
    };
    let polls = 200;
    for (const pause of [wheel, drag, () => page.click('#zoom-in'), () => page.click('#slowest'), () => page.click('#tab-auntie'), () => page.click('#live-button')]) {
      await pause();
      await page.until('document.getElementById("live-state").innerText === "Paused"');
      const before = await page.value('[Lens.app.t0, Lens.app.t1, Lens.app.model.polls]');
      program.work(50);
      program.send();
      await page.until(`Lens.app.live.gathering.events === ${program.runtime.count}`);
      await new Promise((resolve) => setTimeout(resolve, 700));
      assert.deepEqual(await page.value('[Lens.app.t0, Lens.app.t1, Lens.app.model.polls]'), before, 'what is looked at stands still');
      polls += 50;
      await page.click('#live-button');
      await follows(page, polls);
      assert.deepEqual(await state(page), ['Live', 'Pause']);
      assert.equal(await page.value('Lens.app.view'), 'timeline');
    }
    // What was selected is the same poll of the newer model, and the key does what the button does.
    assert.equal(await page.value('Lens.app.poll'), await page.value('Lens.app.model.slowest'));
    await page.key('f');
    assert.deepEqual(await state(page), ['Paused', 'Follow']);
    await picture(page, 'live-paused');
    await page.key('f');
    assert.deepEqual(await state(page), ['Live', 'Pause']);
  });

  await within('tables follow, but not under the hand', {}, async (page, program) => {
    await page.click('#tab-tables');
    const polls = () => page.value('document.querySelector("tbody td:nth-child(2)").innerText');
    assert.equal(await polls(), '200');
    program.work(10);
    program.send();
    await page.until('document.querySelector("tbody td:nth-child(2)").innerText === "210"');
    await page.value('document.querySelector("tbody button").focus()');
    program.work(10);
    program.send();
    await page.until('Lens.app.model.polls === 220');
    assert.equal(await polls(), '210');
    await page.key('Enter');
    assert.equal(await page.text('#live-state'), 'Paused');
    assert.equal(await page.text('#panel h2'), 'connection #2');
  });

  await within('when the program has ended the page says so, keeps what it has, and tries again', {}, async (page, program) => {
    assert.equal(await page.value('document.getElementById("lost").hidden'), true);
    const { port } = program;
    await program.end();
    await page.until('!document.getElementById("lost").hidden');
    assert.match(await page.text('#lost'), /^The program has ended, or cannot be reached\./);
    assert.equal(await page.text('#live-state'), 'Lost');
    assert.equal(await page.value('Lens.app.model.polls'), 200);
    await picture(page, 'live-lost');
    // The same run again, as after a break of the network: each event is there once.
    program.work(100);
    await program.begin(port);
    await follows(page, 300);
    assert.equal(await page.value('document.getElementById("lost").hidden'), true);
    await program.end();
    // Another run at the same address begins anew.
    const next = new Program(1_800_000_000_000_000_000n);
    next.work(7);
    await next.begin(port);
    try {
      await page.until('Lens.app.model.polls === 207');
    } finally {
      await next.end();
    }
  });

  await within('the program is asked who waits for what', {}, async (page, program) => {
    const name = '"<img src=x onerror=alert(1)>\u202e"';
    program.dump = `runtime 1 "orders": 2 tasks\n  task 2 ${name}, waits for a time, in 3s\n  task 3, ready\n`;
    const said = () => page.text('#panel pre'), heading = () => page.text('#panel h2');
    const isThere = 'document.querySelector("#panel pre")?.innerText.startsWith("runtime 1")';
    await page.click('#waits-button');
    await page.until(isThere);
    assert.equal(await heading(), 'Who waits for what');
    assert.equal(await said(), program.dump.trimEnd().replace('\u202e', '⟨202e⟩'));
    assert.equal(await page.value('document.querySelector("#panel img")'), null);
    assert.equal(await page.value('getComputedStyle(document.querySelector("#panel pre")).fontFamily.includes("monospace")'), true);
    assert.deepEqual(await state(page), ['Live', 'Pause']);
    await picture(page, 'live-waits');
    // It stays as it is while the page follows.
    await page.value('globalThis.pre = document.querySelector("#panel pre"), 0');
    program.work(10);
    program.send();
    await follows(page, 210);
    assert.equal(await page.value('pre.isConnected'), true);
    await page.key('Escape');
    assert.equal(await heading(), 'Nothing is selected');
    // By the key, from another view; what is selected takes its place.
    await page.click('#tab-tables');
    await page.key('d');
    await page.until(isThere);
    assert.equal(await page.value('Lens.app.view'), 'timeline');
    program.dump = 'runtime 1 "orders": 0 tasks\n';
    await page.click('#waits-again');
    await page.until('document.querySelector("#panel pre")?.innerText.endsWith(": 0 tasks")');
    await page.click('#slowest');
    assert.equal(await heading(), 'connection #2');
    await page.key('d');
    await page.until(isThere);
    await page.click('#waits-close');
    assert.equal(await heading(), 'connection #2');
    // What is no answer is told as well.
    program.refuses = 'Eight clients look on already.\n';
    await page.key('d');
    await page.until('document.querySelector("#panel pre")?.innerText === "Eight clients look on already."');
    assert.equal(program.asked, 5);
    await program.end();
    await page.key('d');
    await page.until('document.querySelector("#panel pre")?.innerText === "The program has ended, or cannot be reached."');
  });

  await within('on a phone', { width: 360, height: 740, isPhone: true, scheme: 'dark' }, async (page, program) => {
    assert.equal(await page.value('document.documentElement.scrollWidth <= innerWidth'), true);
    const { x, y } = await page.value('(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }))(document.getElementById("live-button").getBoundingClientRect())');
    await page.tap(x, y);
    assert.deepEqual(await state(page), ['Paused', 'Follow']);
    await picture(page, 'live-phone');
    await program.end();
    await page.until('!document.getElementById("lost").hidden');
    assert.equal(await page.value('document.documentElement.scrollWidth <= innerWidth'), true);
    await picture(page, 'live-phone-lost');
  });

  await t.test('before the first event', async () => {
    const page = await browser.page({}), program = new Program();
    program.event = () => ': keep-alive\n\n';
    await program.begin();
    await page.visit(program.url);
    await page.until('Lens.app.live.isLost === false');
    assert.equal(await page.text('#drop h2'), 'Waiting for the program');
    await picture(page, 'live-waiting');
    assert.deepEqual(page.errors, []);
    await browser.ask('Target.closeTarget', { targetId: page.target });
    await program.end();
  });
});
