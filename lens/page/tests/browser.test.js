'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Browser } = require('./browser.js');
const s = require('./scenarios.js');

// `PICTURES=folder` keeps the pictures.
const pictures = process.env.PICTURES ?? fs.mkdtempSync(path.join(os.tmpdir(), 'ayi-pictures-'));
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = !fs.existsSync(chromium) && !process.env.CI && `there is no ${chromium}`;
const picture = (page, name) => page.picture(path.join(pictures, `${name}.png`));

test('in a browser', { skip, timeout: 300_000 }, async (t) => {
  const browser = new Browser();
  t.after(async () => {
    await browser.close();
    if (!process.env.PICTURES) fs.rmSync(pictures, { recursive: true });
  });
  // Each page is looked at for exceptions when its test is over.
  const within = (name, settings, body) => t.test(name, async () => {
    const page = await browser.page(settings);
    await body(page);
    assert.deepEqual(page.errors, []);
    await browser.ask('Target.closeTarget', { targetId: page.target });
  });
  const hasRoom = (page) => page.value('document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth');

  await within('hosts of a simulation, and a fault', {}, async (page) => {
    await page.open(s.file(...s.hosts()));
    assert.equal(await page.text('#facts'), '2 runtimes · 1 fault · 2 tasks · 2 polls · 13 events · 999 µs');
    const titles = await page.value('[...Lens.app.timeline.lanes.pinned, ...Lens.app.timeline.lanes.list].map((lane) => Lens.app.timeline.lanes.title(lane))');
    assert.deepEqual(titles, ['server', 'client', 'server is killed', 'server: main #1', 'client: main #2']);
    await page.value('Lens.app.select({ task: 2 })');
    await page.frame();
    assert.deepEqual(await page.texts('#panel h2, #panel p'), ['server is killed', 'From 399 µs to 699 µs: for 300 µs.', 'The simulation has done this, and none of the programs.']);
    await page.value("Lens.app.set({ show: 'fds' })");
    await page.frame();
    assert.deepEqual(await page.value('[...Lens.app.timeline.lanes.list].map((lane) => Lens.app.timeline.lanes.title(lane))'), ['server is killed'], 'a fault belongs to all lanes');
    await picture(page, 'hosts');
  });

  await within('a known poll: arrows, panel, picture', {}, async (page) => {
    await page.open(s.file(s.echo()));
    assert.equal(await page.value('document.getElementById("problems").hidden'), true);
    assert.equal(await page.text('#facts'), '1 runtime · 2 tasks · 3 polls · 25 events · 201 µs');
    await page.value('Lens.app.select({ poll: 2 })');
    await page.frame();
    assert.deepEqual(await page.value('Lens.app.arrows'), [{ kind: 'report', depth: 0, from: { lane: 1 * 4 + 2, time: 110000 }, to: { lane: 1 * 4 + 1, time: 111000 }, start: 113000 }]);
    assert.deepEqual(await page.texts('#panel h2, #panel dt, #panel dd'), [
      'echo #2', 'Why it ran', 'epoll has reported TCP stream 7 (127.0.0.1:50000): readable.', 'In the queue', 'It was in the queue for 2.00 µs, with nobody before it.',
      'How long', 'The poll took 5.00 µs. Then it is not finished, and waits.', 'Meanwhile',
      '+1.00 µs\ntried to read from TCP stream 7: done, and nothing is left\n+3.00 µs\ntried to write to TCP stream 7: done\n+4.00 µs\nbegan to wait for TCP stream 7',
      'Where it comes from', 'It was spawned at src/main.rs:9:13 by block_on #1, in this poll.']);
    // The arrow goes from the lane of the descriptor to the lane of the task: its colour is between them.
    const isDrawn = await page.value(`(() => { const t = Lens.app.timeline, a = Lens.app.arrows[0], y = (t.middle(a.from.lane) + t.middle(a.to.lane)) / 2, x = (t.x(a.from.time) + t.x(a.to.time)) / 2;
      const rgb = [0xc0, 0x4a, 0x00], { data } = t.c.getImageData((x - 12) * t.ratio, y * t.ratio, 24 * t.ratio, 1);
      for (let i = 0; i < data.length; i += 4) if (rgb.every((c, k) => Math.abs(data[i + k] - c) < 30)) return true; return false; })()`);
    assert.ok(isDrawn, 'the arrow is drawn');
    await picture(page, 'echo');

    // A poll that was spawned by another: the arrow comes from there, and back goes the button.
    await page.click('#poll-previous');
    assert.deepEqual(await page.value('Lens.app.arrows'), [
      { kind: 'spawned', depth: 0, from: { lane: 0 * 4 + 1, time: 4000 }, to: { lane: 1 * 4 + 1, time: 4000 }, start: 6000 },
      { kind: 'loop', depth: 1, from: { lane: 0, time: 1000 }, to: { lane: 0 * 4 + 1, time: 1000 }, start: 2000 }]);
    await page.value('document.getElementById("poll-waker").focus()');
    await page.key('Enter');
    assert.equal(await page.text('#panel h2'), 'block_on #1');
    // The button that was pressed keeps the focus, or the panel has it if the button does nothing now.
    assert.equal(await page.value('document.activeElement.id'), await page.value('document.getElementById("poll-waker").disabled ? "panel" : "poll-waker"'));
    assert.equal(await page.value('performance.getEntriesByType("resource").length'), 0, 'nothing is fetched');
    assert.equal(await page.value('Lens.app.arrows.at(-1).kind'), 'wakes');
    assert.match(await page.text('#panel dl'), /put TCP listener 5 into epoll[^]*spawned echo #2[^]*began to wait for TCP listener 5/);
  });

  await within('a click on the canvas selects the poll, a drag moves, the wheel zooms', {}, async (page) => {
    await page.open(s.file(s.slow()));
    const at = await page.value(`(() => { const app = Lens.app, m = app.model, t = app.timeline, p = m.slowest, box = t.canvas.getBoundingClientRect();
      return { x: box.left + (t.x(m.start[p]) + t.x(m.end[p])) / 2, y: box.top + t.middle(m.task[p] * 4 + 1), p }; })()`);
    await page.mouse(at.x, at.y);
    assert.equal(await page.value('Lens.app.poll'), at.p);
    const before = await page.value('[Lens.app.t0, Lens.app.t1]');
    await page.ask('Input.dispatchMouseEvent', { type: 'mouseWheel', x: at.x, y: at.y, deltaX: 0, deltaY: -240 });
    await page.until(`Lens.app.t1 - Lens.app.t0 < ${before[1] - before[0]} * .7`);
    const start = await page.value('Lens.app.t0');
    await page.ask('Input.dispatchMouseEvent', { type: 'mousePressed', x: at.x, y: at.y, button: 'left', buttons: 1, clickCount: 1 });
    for (let i = 1; i <= 5; i++) await page.ask('Input.dispatchMouseEvent', { type: 'mouseMoved', x: at.x - i * 20, y: at.y, button: 'left', buttons: 1 });
    await page.ask('Input.dispatchMouseEvent', { type: 'mouseReleased', x: at.x - 100, y: at.y, button: 'left', clickCount: 1 });
    assert.ok(await page.value('Lens.app.t0') > start);
    assert.equal(await page.value('Lens.app.poll'), at.p, 'a drag selects nothing');
  });

  await within('the slowest poll and the longest wait: at most three clicks, and why', {}, async (page) => {
    await page.open(s.file(s.slow()));
    await picture(page, 'opening');
    await page.click('#slowest');
    assert.equal(await page.text('#panel h2'), 'report #17');
    assert.deepEqual(await page.texts('#panel .why p'), ['This is the slowest poll of the recording.', 'It blocked the loop: 4 tasks waited behind it, 100 ms in sum.'.replace('4 tasks', await page.value('Lens.count(Lens.app.model.behind(Lens.app.model.slowest).count, "task")')),
      '25.0 ms of it went by without an await, between the events 1 and 2 below: code that computes or calls something that blocks.']);
    await picture(page, 'slowest');
    await page.click('#longest');
    assert.match(await page.text('#panel .why'), /No other poll has waited for longer in the queue\.[^]*It waited so long because of report #17 \(25\.0 ms\)/);
    // By the tables it is three.
    await page.open(undefined, '#');
    await page.click('#tab-tables');
    await page.click('[data-key="table-blocked"]');
    await picture(page, 'blocked');
    await page.click('tbody tr:first-child td:first-child button');
    assert.equal(await page.text('#panel h2'), 'report #17');
    assert.equal(await page.value('document.getElementById("view-timeline").hidden'), false);
  });

  await within('tables: rows, order, keys', {}, async (page) => {
    await page.open(s.file(s.slow()), '#view=tables');
    const column = (n) => page.texts(`tbody tr td:nth-child(${n})`);
    const first = await column(1);
    assert.equal(first.length, 13);
    assert.deepEqual([first[0], await page.text('th[aria-sort]')], ['report #17', 'At work']);
    const values = await page.value('Lens.sorted(Lens.app.model, Lens.tables.tasks, [5, -1]).rows.map((task) => task.longest < 0 ? -1 : Lens.app.model.wait[task.longest])');
    assert.deepEqual(values, [...values].sort((a, b) => b - a));
    await page.value('document.querySelector("[data-key=column-0]").focus()');
    await page.key('Enter');
    assert.equal(await page.value('document.activeElement.dataset.key'), 'column-0', 'the focus stays');
    assert.deepEqual((await column(1)).slice(0, 3), ['block_on #1', 'connection 0 #10', 'connection 1 #11']);
    assert.equal(await page.value('document.querySelector("th[aria-sort=ascending]").innerText'), 'Task');
    await page.click('[data-key="table-wakes"]');
    assert.deepEqual([(await column(1))[0], (await column(2))[0]], ['timers', 'block_on #1']);
    assert.ok((await column(1)).includes('connection 0 #10'));
    await page.click('[data-key="table-timers"]');
    const late = await page.value('Lens.sorted(Lens.app.model, Lens.tables.timers, [1, -1]).rows.length');
    assert.equal((await column(1)).length, late);
    await picture(page, 'timers');
    await page.click('tbody tr:first-child td:first-child button');
    assert.match(await page.text('#panel dd'), /A timer was due\. It fired .* late; it was set in this poll\./);
    await page.click('#tab-tables');
    await page.click('[data-key="table-fds"]');
    assert.match((await column(1))[0], /TCP stream/);
  });

  await within('with the keyboard alone', {}, async (page) => {
    await page.open(s.file(s.slow()));
    await page.key('/');
    assert.equal(await page.value('document.activeElement.id'), 'search');
    await page.type('report');
    await page.key('Enter');
    assert.equal(await page.value('document.activeElement.id'), 'timeline');
    assert.equal(await page.text('#lane-count'), '2 lanes');
    assert.equal(await page.text('#panel h2'), 'report #17');
    await page.key('Enter');
    assert.match(await page.text('#panel p'), /^Poll 1 of 22/);
    await page.key('Enter');
    assert.match(await page.text('#panel p'), /^Poll 2 of 22/);
    await page.key('p');
    assert.match(await page.text('#panel p'), /^Poll 1 of 22/);
    await page.key('w');
    assert.equal(await page.text('#panel h2'), 'block_on #1');
    await page.key('/');
    await page.value('document.getElementById("search").select()');
    await page.ask('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Backspace', code: 'Backspace', windowsVirtualKeyCode: 8 });
    await page.until('Lens.app.query === ""');
    await page.key('Escape');
    const lanes = [];
    for (let i = 0; i < 14; i++) {
      await page.key('Tab');
      lanes.push(await page.text('#live'));
    }
    assert.match(lanes.join('\n'), /connection 0[^]*TCP stream 10 \(10\.0\.0\.0:40000\): \d+ reports/);
    const [t0, t1] = await page.value('[Lens.app.t0, Lens.app.t1]');
    await page.key('+');
    assert.ok(await page.value('Lens.app.t1 - Lens.app.t0') < t1 - t0);
    await page.key('ArrowRight');
    await page.key('End');
    assert.equal(await page.value('Lens.app.t1 >= Lens.app.model.to'), true);
    await page.key('Home');
    assert.equal(await page.value('Lens.app.t0 === Lens.app.model.from'), true);
    await page.key('Escape');
    assert.equal(await page.value('document.activeElement.id'), 'panel');
    await page.key('?');
    assert.equal(await page.value('document.getElementById("help").open'), true);
    await picture(page, 'help');
    await page.key('Escape');
    assert.equal(await page.value('document.getElementById("help").open'), false);
    await page.key('2');
    assert.equal(await page.value('document.getElementById("view-tables").hidden'), false);
    // From the beginning of the page, Tab comes to everything, and leaves the timeline again by Escape.
    await page.key('1');
    await page.value('document.activeElement.blur()');
    const met = new Set();
    for (let i = 0; i < 150 && !met.has('timeline'); i++) {
      await page.key('Tab');
      met.add(await page.value('document.activeElement.id'));
    }
    for (const id of ['search', 'theme', 'help-button', 'tab-timeline', 'slowest-request', 'slowest', 'longest', 'show', 'zoom-in', 'timeline']) assert.ok(met.has(id), id);
  });

  await within('a link keeps the view, and the back button works', {}, async (page) => {
    await page.open(s.file(s.slow()));
    await page.click('#slowest');
    await page.value('Lens.app.zoom(.25, Lens.app.model.start[Lens.app.poll]); Lens.app.set({ order: "busy" })');
    const state = 'JSON.stringify([Lens.app.view, Lens.app.poll, Math.round(Lens.app.t0), Math.round(Lens.app.t1), Lens.app.order, Lens.app.query, Lens.app.tab, Lens.app.sort, Lens.app.step])';
    const [was, hash] = [await page.value(state), await page.value('location.hash')];
    await page.open(undefined, hash);
    assert.equal(await page.value(state), was);
    assert.equal(await page.text('#panel h2'), 'report #17');
    await page.click('#tab-tables');
    await page.click('[data-key="table-wakes"]');
    await page.click('[data-key="column-1"]');
    const tables = await page.value(state);
    assert.match(await page.value('location.hash'), /view=tables&table=wakes&order=busy&sort=1a/);
    await page.click('tbody tr:first-child td:first-child button');
    await page.until('Lens.app.view === "timeline"');
    await page.value('history.back()');
    await page.until('Lens.app.view === "tables"');
    assert.equal(await page.value(state), tables);
    await page.value('history.go(-3)');
    await page.until(`${state} === ${JSON.stringify(was)}`);
    // What is not there is no error.
    await page.open(undefined, '#poll=100.1.99999&view=nowhere&t=a~b&sort=9d&fd=100.1.zz&step=9.9.9');
    assert.equal(await page.value('Lens.app.view'), 'timeline');
    await page.open(undefined, '#find=10.0.0.7&view=tables&table=fds');
    assert.deepEqual(await page.texts('tbody tr td:first-child'), ['TCP stream 17 (10.0.0.7:40007)']);
  });

  await within('search: name, number, peer, place', {}, async (page) => {
    await page.open(s.file(s.slow()));
    const found = async (words) => {
      await page.value(`Lens.app.set({ query: ${JSON.stringify(words)} })`);
      return page.value('[Lens.app.found.tasks.size, Lens.app.found.fds.size]');
    };
    assert.deepEqual(await found('CONNECTION'), [11, 0]);
    assert.deepEqual(await found('#12'), [1, 1]);
    assert.deepEqual(await found('10.0.0.3'), [0, 1]);
    assert.deepEqual(await found('server.rs:21'), [4, 0]);
    assert.deepEqual(await found('no such thing'), [0, 0]);
    await page.frame();
    await page.click('#slowest');
    assert.equal(await page.value('Lens.app.query'), '', 'the search gives way to what is gone to');
  });

  await within('a telephone: nothing is wider than it, and a tap selects', { width: 360, height: 740, isPhone: true }, async (page) => {
    await page.open(s.file(s.slow()));
    const at = await page.value(`(() => { const app = Lens.app, m = app.model, t = app.timeline, p = m.slowest, box = t.canvas.getBoundingClientRect();
      return { x: box.left + (t.x(m.start[p]) + t.x(m.end[p])) / 2, y: box.top + 28 + 34 }; })()`);
    await page.tap(at.x, at.y);
    assert.equal(await page.text('#panel h2'), 'report #17');
    assert.ok(await hasRoom(page), 'timeline');
    await picture(page, 'phone-timeline');
    const span = await page.value('Lens.app.t1 - Lens.app.t0');
    const pinch = (type, apart) => page.ask('Input.dispatchTouchEvent', { type, touchPoints: apart ? [{ x: at.x - apart, y: at.y, id: 1 }, { x: at.x + apart, y: at.y, id: 2 }] : [] });
    await pinch('touchStart', 30);
    for (const apart of [40, 50, 60]) await pinch('touchMove', apart);
    await pinch('touchEnd');
    await page.until(`Lens.app.t1 - Lens.app.t0 < ${span} * .7`);
    await page.click('#tab-tables');
    for (const table of ['tasks', 'fds', 'timers', 'wakes', 'blocked']) {
      await page.click(`[data-key="table-${table}"]`);
      assert.ok(await hasRoom(page), table);
    }
    await picture(page, 'phone-tables');
    await page.click('#tab-auntie');
    await page.click('#auntie-forward');
    assert.ok(await hasRoom(page), 'auntie');
    await picture(page, 'phone-auntie');
    await page.value('document.querySelector("#view-auntie").scrollTop = 330');
    await picture(page, 'phone-auntie-scene');
    await page.click('#help-button');
    assert.ok(await hasRoom(page), 'help');
  });

  await within('in the dark, and by the switch', { scheme: 'dark' }, async (page) => {
    await page.open(s.file(s.slow()));
    const theme = () => page.value('document.documentElement.dataset.theme + " " + getComputedStyle(document.body).backgroundColor');
    assert.equal(await theme(), 'dark rgb(22, 23, 26)');
    await page.click('#slowest');
    await picture(page, 'dark');
    await page.click('#theme');
    assert.equal(await theme(), 'light rgb(251, 250, 247)');
    await page.open(undefined, '#');
    assert.match(await theme(), /^light/, 'it is remembered');
    await page.click('#theme');
    assert.match(await theme(), /^dark/);
    // Contrast of texts, by the rule of WCAG, in both themes.
    for (const name of ['light', 'dark']) {
      await page.value(`Lens.app.theme(${JSON.stringify(name)})`);
      const poor = await page.value(`(() => { const c = Lens.app.timeline.colour, light = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
        const ratio = (a, b) => { const [x, y] = [light(c[a]), light(c[b])].sort((p, q) => q - p); return (x + .05) / (y + .05); };
        const texts = [['text', 'bg'], ['text', 'surface'], ['text', 'picked'], ['text', 'lane'], ['quiet', 'bg'], ['quiet', 'surface'], ['quiet', 'sleep'], ['accent', 'surface'], ['surface', 'poll']].filter((pair) => ratio(...pair) < 4.5);
        const signs = [['poll', 'surface'], ['queue', 'surface'], ['report', 'surface'], ['wake', 'surface'], ['bad', 'surface'], ['turn', 'surface'], ['focus', 'surface']].filter((pair) => ratio(...pair) < 3);
        return [...texts, ...signs]; })()`);
      assert.deepEqual(poor, [], name);
    }
  });

  await within('names are texts, whatever they are', {}, async (page) => {
    const r = s.nasty();
    r.settings.program = '/home/<b>program<b>';
    r.settings.what = '<img src=x onerror="window.harmed=3">';
    r.settings.reason = 1;
    await page.open(s.file(r));
    assert.equal(await page.text('#program'), '<b>program<b>');
    assert.match(await page.text('#problems'), /a panic: <img src=x/);
    await page.value('Lens.app.set({ view: "tables", sort: [0, 1] })');
    const names = await page.texts('tbody tr td:first-child');
    for (const name of ['<script>window.harmed = 1</script> #30', '"><img src=x onerror="window.harmed=2"> #31', 'a␀b␛[31mred #32', 'abc⟨202e⟩dcba #33', 'שלום #34', '</script><b>bold</b> #35']) assert.ok(names.includes(name), name);
    await page.value('Lens.app.select({ task: Lens.app.model.taskList.at(-1).index })');
    for (const view of ['timeline', 'auntie']) {
      await page.value(`Lens.app.set({ view: "${view}", step: 30 })`);
      await page.frame();
    }
    assert.equal(await page.value('window.harmed'), undefined);
    assert.equal(await page.value('document.querySelectorAll("main img, main i, main u, #problems img, main b").length'), 0);
  });

  await within('files that are not whole', {}, async (page) => {
    const whole = s.file(...s.two());
    for (const [bytes, said, runtimes] of [
      [whole.slice(0, -40), /ends within a section/, 1], [whole.slice(0, 60), /No section before it is whole/, 0], [new Uint8Array([1, 2, 3]), /not a recording of ayi/, 0],
      [whole.map((byte, at) => (at === 100 ? byte ^ 1 : byte)), /One section is damaged/, 1],
      [s.file(new s.Runtime({ first: 5000, flags: 2 }).polled(100, 1, 50)), /The first 5,000 events of runtime 1 are gone[^]*those of the system's clock/, 1],
      [s.file(new s.Runtime()), /^$/, 1], [s.file(), /There is no runtime/, 0],
    ]) {
      await page.open(bytes);
      assert.match((await page.value('document.getElementById("problems").hidden ? "" : document.getElementById("problems").innerText')), said);
      assert.equal(await page.value('document.getElementById("main").hidden'), runtimes === 0);
      if (runtimes) for (const view of ['tables', 'auntie', 'timeline']) await page.value(`Lens.app.set({ view: "${view}" })`);
    }
    await page.open(whole.slice(0, -40));
    await picture(page, 'cut');
    // What the writer of the page knows of the file.
    const { build } = require('./browser.js');
    const named = path.join(browser.folder, 'said.html');
    fs.writeFileSync(named, build(s.file(new s.Runtime({ first: 5000 }).polled(100, 1, 50)), ' data-left-out="4000" data-problems="The file is &lt;cut&gt;.\nAnd more."'));
    await page.ask('Page.navigate', { url: `file://${named}` });
    await page.until('Lens.app?.model?.polls === 1');
    assert.deepEqual(await page.texts('#problems p'), ['The file is <cut>.', 'And more.', '4,000 events did not fit into this page. The file has them.', 'The first 5,000 events of runtime 1 are not here.']);
    // The files as they lie here are a page, too.
    await page.ask('Page.navigate', { url: `file://${path.join(__dirname, '../index.html')}` });
    await page.until('!!globalThis.Lens?.app && !document.getElementById("opening").hidden');
    assert.equal(await page.value('getComputedStyle(document.body).display'), 'flex');
    // Without a recording the page asks for one.
    await page.open(null);
    assert.equal(await page.value('document.getElementById("opening").hidden'), false);
    await picture(page, 'empty');
    const { root } = await page.ask('DOM.getDocument');
    const { nodeId } = await page.ask('DOM.querySelector', { nodeId: root.nodeId, selector: '#file' });
    const file = path.join(browser.folder, 'echo.ayi');
    fs.writeFileSync(file, s.file(s.echo()));
    await page.ask('DOM.setFileInputFiles', { nodeId, files: [file] });
    await page.until('Lens.app.model?.polls === 3');
    assert.equal(await page.value('document.getElementById("opening").hidden'), true);
    await page.value(`{ const data = new DataTransfer(); data.items.add(new File([new Uint8Array([9])], 'x')); dispatchEvent(new DragEvent('drop', { dataTransfer: data })); }`);
    await page.until('Lens.app.model.rts.length === 0 && !document.getElementById("opening").hidden');
  });

  await within('system calls: a lane for each thread, a click, keys, the table, the link', {}, async (page) => {
    await page.open(s.file(...s.rungs()));
    assert.match(await page.text('#facts'), /^2 runtimes · 42 system calls · /);
    assert.equal(await page.value('document.getElementById("tab-auntie").hidden'), true);
    // Three threads, pinned in the place of the runtimes, and two connections.
    assert.deepEqual(await page.value('[Lens.app.timeline.lanes.pinned, Lens.app.timeline.lanes.list.length]'), [[0 * 4 + 3, 1 * 4 + 3, 2 * 4 + 3], 2]);
    await page.frame();
    await picture(page, 'calls');
    const at = await page.value(`(() => { const app = Lens.app, t = app.timeline, thread = app.model.threads[0], box = t.canvas.getBoundingClientRect();
      return { x: box.left + (t.x(thread.start[1]) + t.x(thread.end[1])) / 2, y: box.top + t.middle(3) - 20 }; })()`);
    await page.mouse(at.x, at.y);
    assert.deepEqual(await page.value('Lens.app.selection'), { thread: 0, call: 1 });
    assert.deepEqual(await page.texts('#panel h2, #panel dl dd'), ['select', 'A list of 3 descriptors. The kernel copies and searches all of it, at each call.', '80.0 µs. It waits.', '1 descriptor is ready.', '41, of select']);
    await page.click('#call-next');
    assert.equal(await page.text('#panel h2'), 'recv');
    assert.match(await page.text('#panel dl'), /The TCP stream 7 \(select, client 1\)\.[^]*64 bytes/);
    const hash = await page.value('location.hash');
    assert.match(hash, /call=100\.1\./);
    await page.value('document.getElementById("timeline").focus()');
    await page.key('n');
    assert.deepEqual(await page.value('Lens.app.selection'), { thread: 0, call: 3 });
    assert.deepEqual(await page.value(`Lens.fromHash(Lens.app.model, ${JSON.stringify(hash)}).selection`), { thread: 0, call: 2 });
    await page.value('Lens.app.turnTo("auntie")');
    assert.equal(await page.value('Lens.app.view'), 'timeline', 'the auntie has nothing to say');
    await page.click('#tab-tables');
    const rows = (await page.texts('tbody tr')).map((row) => row.split('\t').slice(0, 3).join(' '));
    assert.deepEqual(rows.slice(0, 2), ['epoll_edge epoll_wait 5', 'select select 10']);
    await page.click('tbody tr:first-child td:first-child button');
    assert.equal(await page.text('#panel h2'), 'epoll_wait');
    // A recording of a runtime has no such table.
    await page.open(s.file(s.echo()), '#view=tables&table=calls');
    assert.equal(await page.value('document.querySelector("[data-key=table-calls]")'), null);
    assert.equal(await page.value('document.querySelector("[data-key=table-tasks]").getAttribute("aria-pressed")'), 'true');
  });

  await within('two workers, and a task that goes from one to the other', {}, async (page) => {
    await page.open(s.file(...s.two()));
    assert.deepEqual(await page.value('[Lens.app.timeline.lanes.pinned.length, Lens.app.timeline.lanes.list.length]'), [2, 1]);
    await page.value('Lens.app.select({ poll: 1 })');
    assert.match(await page.text('#panel'), /Poll 2 of 2[^]*It has come from pool, worker 0[^]*It has moved between workers/);
    await page.click('#related');
    assert.equal(await page.text('#lane-count'), '3 lanes');
    await picture(page, 'two');
    await page.click('#poll-auntie');
    assert.equal(await page.value('Lens.app.rt'), 1);
  });

  await within('the auntie plays one echo', { isCalm: false }, async (page) => {
    await page.open(s.file(s.echo()));
    await page.value('Lens.app.select({ poll: 2 })');
    await page.click('#poll-auntie');
    const kinds = [], scenes = [];
    for (let i = 0; i < 15; i++) {
      kinds.push(await page.value('Lens.app.auntie.told.kind'));
      scenes.push(await page.value('document.querySelector(".scene svg").textContent.includes("zzz") + ", " + document.querySelectorAll(".scene path[fill=\\"var(--water)\\"]").length'));
      if (i === 4 || i === 9) {
        await new Promise((resolve) => setTimeout(resolve, 700));
        await picture(page, `auntie-${i}`);
      }
      await page.key('ArrowRight');
    }
    assert.deepEqual(kinds, ['sleeps', 'wakes', 'found', 'noted', 'called', 'queued', 'turned', 'comes', 'runs', 'tries', 'result', 'tries', 'result', 'waits', 'over']);
    assert.deepEqual(scenes, ['true, 0', 'false, 0', 'false, 0', ...Array(7).fill('false, 1'), ...Array(5).fill('false, 0')]);
    await page.click('#auntie-back');
    assert.equal(await page.value('Lens.app.auntie.told.kind'), 'over');
    assert.match(await page.text('#auntie-step'), /echo #2 is not finished[^]*OwnScheduler::settle \(runtime\/src\/core\/task\/run\.rs:\d+\)/);
    assert.match(await page.value('location.hash'), /step=100\.1\.\d+/);
    // The next byte, and the first one again when there is none.
    await page.value('Lens.app.setStep(0, 0)');
    await page.click('#auntie-byte');
    assert.equal(await page.value('Lens.app.auntie.told.kind'), 'sleeps');
    await page.key('ArrowRight');
    await page.key('ArrowRight');
    assert.equal(await page.value('Lens.app.auntie.told.kind'), 'found');
    // Play goes on by itself, and stops at the end.
    await page.value('document.getElementById("auntie-speed").value = "6"');
    await page.click('#auntie-play');
    assert.match(await page.text('#auntie-play'), /Pause/);
    await page.until('document.getElementById("auntie-forward").disabled && /Play/.test(document.getElementById("auntie-play").innerText)');
    await page.click('#auntie-timeline');
    assert.equal(await page.value('Lens.app.view'), 'timeline');
  });

  await within('a million events: frames while zooming and moving', {}, async (page) => {
    const bytes = s.file(s.many(1_000_000));
    const begin = Date.now();
    await page.open(bytes);
    const opened = Date.now() - begin;
    const read = await page.value('(() => { const bytes = Lens.fromBase64(document.getElementById("recording").textContent), a = performance.now(), r = Lens.parse(bytes), b = performance.now(); Lens.model(r); return [b - a, performance.now() - b]; })()');
    await picture(page, 'million');
    const frames = await page.value(`(async () => {
      const app = Lens.app, m = app.model, next = () => new Promise((done) => requestAnimationFrame(done));
      app.timeline.frames.length = 0;
      const begin = performance.now();
      for (let i = 0; i < 70; i++) { app.zoom(.82, m.from + (m.to - m.from) * .4); await next(); await next(); }
      for (let i = 0; i < 30; i++) { const by = (app.t1 - app.t0) * .1; app.setWindow(app.t0 + by, app.t1 + by); app.timeline.scroller.scrollTop += 60; await next(); await next(); }
      for (let i = 0; i < 70; i++) { app.zoom(1 / .82, (app.t0 + app.t1) / 2); await next(); await next(); }
      window.between = (performance.now() - begin) / 340;
      return app.timeline.frames.slice().sort((a, b) => a - b); })()`);
    const at = (part) => frames[Math.min(frames.length - 1, Math.floor(frames.length * part))];
    console.log(`# a million events: opened in ${opened} ms (parsed in ${read[0].toFixed(0)} ms, model in ${read[1].toFixed(0)} ms); ${frames.length} frames: median ${at(.5).toFixed(1)} ms, 95 % ${at(.95).toFixed(1)} ms, slowest ${at(1).toFixed(1)} ms; ${(await page.value('window.between')).toFixed(1)} ms from one to the next`);
    assert.ok(frames.length > 100);
    assert.ok(at(.95) < 100, `${at(.95)} ms`);
    for (const table of ['tasks', 'blocked', 'wakes', 'fds']) await page.value(`Lens.app.set({ view: "tables", tab: "${table}" })`);
    const begun = Date.now();
    await page.value('Lens.app.play(Lens.app.model.polls - 1)');
    const far = Date.now() - begun;
    console.log(`# the auntie goes to the last poll of a million events in ${far} ms`);
    assert.ok(far < 5000);
  });

  await within('a hundred thousand tasks', {}, async (page) => {
    await page.open(s.file(s.crowd(100_000)));
    assert.equal(await page.text('#lane-count'), '100,001 lanes');
    await page.value('Lens.app.timeline.scroller.scrollTop = 1e9');
    await page.frame();
    assert.ok(await page.value('Lens.app.timeline.lanes.placeAt(Lens.app.timeline.scroller.scrollTop + Lens.app.timeline.height - Lens.app.timeline.top() - 9) >= 99999'), 'the last lane is in sight');
    await picture(page, 'crowd');
    const frames = await page.value(`(async () => { const { timeline } = Lens.app; timeline.frames.length = 0;
      for (let i = 0; i < 60; i++) { timeline.scroller.scrollTop = i * 40000; await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))); }
      return timeline.frames.sort((a, b) => a - b); })()`);
    console.log(`# a hundred thousand tasks: median frame ${frames[frames.length >> 1].toFixed(1)} ms, slowest ${frames.at(-1).toFixed(1)} ms`);
    assert.ok(frames[Math.floor(frames.length * .95)] < 100);
    const begin = Date.now();
    await page.value('Lens.app.set({ query: "99999" })');
    assert.equal(await page.text('#lane-count'), '2 lanes');
    await page.value('Lens.app.set({ query: "", view: "tables", sort: [4, -1] })');
    assert.equal((await page.texts('tbody tr')).length, 200);
    await page.click('[data-key=more]');
    assert.equal(await page.value('document.querySelectorAll("tbody tr").length'), 1200);
    await page.value('Lens.app.set({ view: "auntie", step: 150000 })');
    for (let i = 0; i < 3; i++) await page.key('ArrowRight');
    await picture(page, 'crowd-auntie');
    console.log(`# a hundred thousand tasks: search, sort and replay in ${Date.now() - begin} ms`);
    assert.ok(Date.now() - begin < 20_000);
  });
});
