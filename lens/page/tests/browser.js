// Drives Debian's chromium by its protocol for developers, over a pipe: messages that end with a zero byte.
'use strict';
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const PAGE = path.join(__dirname, '..');

/** The page as the crate writes it: one file with everything in it. */
function build(recording, attributes = '') {
  let html = fs.readFileSync(path.join(PAGE, 'index.html'), 'utf8');
  html = html.replace(/<link rel="stylesheet" href="([\w.]+)">/g, (_, name) => `<style>\n${fs.readFileSync(path.join(PAGE, name), 'utf8')}</style>`);
  html = html.replace(/<script src="([\w.]+)"><\/script>/g, (_, name) => {
    const code = fs.readFileSync(path.join(PAGE, name), 'utf8');
    if (/<\/script/i.test(code)) throw new Error(`${name} would end its own element`);
    return `<script>\n${code}</script>`;
  });
  const empty = '<script id="recording" type="text/plain"></script>';
  if (!html.includes(empty)) throw new Error('there is no place for the recording');
  return recording ? html.replace(empty, () => empty.replace('><', `${attributes}>${Buffer.from(recording).toString('base64')}<`)) : html;
}

/** The page as a program serves it. */
function buildLive() {
  const html = build();
  for (const part of ["default-src 'none'; ", 'type="text/plain"></script>']) if (html.split(part).length !== 2) throw new Error(`the page does not have once: ${part}`);
  return html.replace("default-src 'none'; ", (it) => `${it}connect-src 'self'; `).replace('type="text/plain"></script>', 'type="text/plain" data-live></script>');
}

class Browser {
  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ayi-lens-'));
    this.child = spawn(process.env.CHROMIUM ?? '/usr/bin/chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--allow-file-access-from-files',
      `--user-data-dir=${path.join(this.folder, 'profile')}`, '--remote-debugging-pipe', 'about:blank'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    this.asked = 0;
    this.waiting = new Map();
    this.listeners = [];
    let rest = [];
    this.child.stdio[4].on('data', (chunk) => {
      for (let at; (at = chunk.indexOf(0)) >= 0; chunk = chunk.subarray(at + 1)) {
        const message = JSON.parse(Buffer.concat([...rest, chunk.subarray(0, at)]));
        rest = [];
        if (message.id) {
          const { resolve, reject } = this.waiting.get(message.id);
          this.waiting.delete(message.id);
          if (message.error) reject(new Error(message.error.message));
          else resolve(message.result);
        } else this.listeners.forEach((listener) => listener(message));
      }
      rest.push(chunk);
    });
  }

  ask(method, params = {}, sessionId) {
    const id = ++this.asked;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  async page({ width = 1280, height = 800, isPhone = false, ratio = isPhone ? 2 : 1, scheme = 'light', isCalm = true } = {}) {
    const { targetId } = await this.ask('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.ask('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    await page.ask('Page.enable');
    await page.ask('Runtime.enable');
    await page.ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: ratio, mobile: isPhone });
    if (isPhone) await page.ask('Emulation.setTouchEmulationEnabled', { enabled: true });
    await page.ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }, { name: 'prefers-reduced-motion', value: isCalm ? 'reduce' : 'no-preference' }] });
    return page;
  }

  async close() {
    await this.ask('Browser.close').catch(() => {});
    await new Promise((resolve) => (this.child.exitCode !== null ? resolve() : this.child.once('exit', resolve)));
    // Its helpers may write for a little longer.
    for (let i = 0; i < 50; i++) {
      try {
        fs.rmSync(this.folder, { recursive: true, force: true });
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

class Page {
  constructor(browser, session, target) {
    Object.assign(this, { browser, session, target, errors: [] });
    browser.listeners.push((message) => {
      if (message.sessionId !== session) return;
      if (message.method === 'Runtime.exceptionThrown') this.errors.push(message.params.exceptionDetails.exception?.description ?? message.params.exceptionDetails.text);
    });
  }

  ask(method, params) { return this.browser.ask(method, params, this.session); }

  /** Opens a page with a recording in it. */
  async open(recording, hash = '') {
    const file = path.join(this.browser.folder, `${this.target}.html`);
    if (recording !== undefined) fs.writeFileSync(file, build(recording));
    await this.ask('Page.navigate', { url: 'about:blank' });
    await this.ask('Page.navigate', { url: `file://${file}${hash}` });
    await this.until('!!globalThis.Lens?.app && document.readyState === "complete"');
    await this.frame();
  }

  /** Opens a page that is served. */
  async visit(url) {
    await this.ask('Page.navigate', { url });
    await this.until('!!globalThis.Lens?.app && document.readyState === "complete"');
  }

  /** The value of an expression in the page. */
  async value(expression) {
    const { result, exceptionDetails } = await this.ask('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  async until(expression, patience = 20000) {
    for (const end = Date.now() + patience; Date.now() < end;) {
      if (await this.value(expression).catch(() => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`this has not come true: ${expression}`);
  }

  frame() { return this.value('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))'); }
  text(selector) { return this.value(`document.querySelector(${JSON.stringify(selector)})?.innerText`); }
  texts(selector) { return this.value(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((it) => it.innerText)`); }

  async mouse(x, y) {
    const point = { x, y, button: 'left', clickCount: 1 };
    await this.ask('Input.dispatchMouseEvent', { type: 'mousePressed', buttons: 1, ...point });
    await this.ask('Input.dispatchMouseEvent', { type: 'mouseReleased', ...point });
    await this.frame();
  }

  async tap(x, y) {
    await this.ask('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x, y }] });
    await this.ask('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await this.frame();
  }

  /** Clicks the middle of an element, where it can be seen, as a hand does. */
  async click(selector) {
    const box = await this.value(`(() => { const it = document.querySelector(${JSON.stringify(selector)}); it.scrollIntoView({ block: 'nearest' }); const { x, y, width, height } = it.getBoundingClientRect();
      const at = { x: x + width / 2, y: y + Math.min(height / 2, 20) }; const hit = document.elementFromPoint(at.x, at.y); return { ...at, isHit: !!hit && (it.contains(hit) || hit.contains(it)) }; })()`);
    if (!box.isHit) throw new Error(`${selector} is covered`);
    await this.mouse(box.x, box.y);
  }

  async key(key, { shift = false } = {}) {
    const text = key.length === 1 ? key : key === 'Enter' ? '\r' : undefined;
    const codes = { Enter: 13, Tab: 9, Escape: 27, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, End: 35, Home: 36, ' ': 32 };
    const event = { key, code: key, windowsVirtualKeyCode: codes[key] ?? key.toUpperCase().charCodeAt(0), modifiers: shift ? 8 : 0 };
    await this.ask('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', text, ...event });
    await this.ask('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
    await this.frame();
  }

  async type(text) {
    await this.ask('Input.insertText', { text });
    await this.frame();
  }

  async picture(file) {
    const { data } = await this.ask('Page.captureScreenshot', { format: 'png' });
    fs.writeFileSync(file, Buffer.from(data, 'base64'));
  }
}

module.exports = { Browser, build, buildLive };
