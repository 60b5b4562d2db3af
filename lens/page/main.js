// The page: its state, what changes it, and the link that keeps it.
'use strict';
(function (Lens) {
  const { el, duration } = Lens;
  const $ = (id) => document.getElementById(id);
  const VIEWS = ['timeline', 'tables', 'auntie'];
  const DEFAULTS = { view: 'timeline', tab: 'tasks', sort: null, show: 'all', order: 'first', query: '', selection: null, waits: null, step: 0, rt: 0 };

  class App {
    constructor() {
      Object.assign(this, DEFAULTS, { t0: 0, t1: 1, poll: -1, lane: -1, arrows: [], found: null, model: null });
      this.timeline = new Lens.Timeline(this);
      this.input = new Lens.Input(this, this.timeline);
      this.panel = new Lens.Panel(this);
      this.tables = new Lens.Tables(this);
      this.auntie = new Lens.Auntie(this);
      this.controls();
      this.theme(this.stored('theme') ?? 'auto');
      const { textContent, dataset } = $('recording');
      if (dataset.live !== undefined) {
        $('open-button').hidden = $('search-form').hidden = true;
        this.live = new Lens.Live(this);
      } else if (textContent.trim()) {
        this.open(Lens.fromBase64(textContent), Number(dataset.leftOut) || 0, dataset.problems);
      } else {
        $('opening').hidden = false;
        $('open-button').hidden = true;
        $('search-form').hidden = true;
      }
    }

    // A page in a file may have no storage.
    stored(key, value) {
      try {
        if (value === undefined) return localStorage.getItem(key);
        localStorage.setItem(key, value);
      } catch { /* then it is forgotten */ }
      return null;
    }

    /** Shows a recording. `leftOut`: how many events did not fit into the page. `said`: what else is wrong with the file, by the line. */
    open(bytes, leftOut = 0, said = '') {
      const model = Lens.model(Lens.parse(bytes));
      const problems = said.split('\n').filter(Boolean).map((text) => ({ kind: 'said', text }));
      if (leftOut) problems.push({ kind: 'left out', text: `${Lens.count(leftOut, 'event')} did not fit into this page. The file has them.` });
      for (const problem of model.recording.problems) {
        if (leftOut && problem.kind === 'overflow') problem.text = problem.text.replace(/are gone: .*/, 'are not here.');
      }
      model.recording.problems.unshift(...problems);
      $('open-button').hidden = false;
      this.begin(model);
    }

    // Shows a model that has nothing to do with the one before.
    begin(model) {
      Object.assign(this, DEFAULTS, { model, t0: model.from, t1: model.to, poll: -1, lane: -1, arrows: [], found: null });
      this.timeline.focus = -1;
      const isThere = this.headline(model);
      if (!isThere) return;
      this.auntie.load();
      this.timeline.load(model);
      this.restore(location.hash);
    }

    /** Shows a newer model of a run that goes on, and stays where it is. */
    renew(model) {
      const before = this.model;
      if (!before) return this.begin(model);
      const selection = Lens.carry(before, model, this.selection) ?? null;
      const focus = this.timeline.focus < 0 ? null : Lens.carry(before, model, this.input.selectionOf(this.timeline.focus));
      Object.assign(this, { model, found: Lens.find(model, this.query), step: 0, played: -1 });
      this.headline(model);
      this.auntie.load();
      this.timeline.load(model);
      this.note(selection);
      this.timeline.focus = focus ? this.laneOf(focus) : -1;
      if (this.view === 'timeline') {
        this.layLanes(false);
        const { scrollTop } = this.panel.root;
        // What the program has said stays as it is.
        if (selection && this.waits === null) this.panel.show();
        this.panel.root.scrollTop = scrollTop;
      } else if (this.view === 'tables') this.tables.renew();
    }

    // What stands above the views. Returns whether there is anything to show.
    headline(model) {
      const { recording } = model, program = model.rts[0]?.program ?? '';
      $('program').textContent = program ? Lens.visible(program.slice(program.lastIndexOf('/') + 1)) : '';
      $('program').title = Lens.visible(program);
      const what = this.live ? 'live, ayi' : 'a recording of ayi';
      document.title = program ? `${$('program').textContent} – ${what}` : 'A recording of ayi';
      const events = model.rts.reduce((sum, rt) => sum + rt.n, 0), calls = model.threads.reduce((sum, thread) => sum + thread.n, 0);
      // System calls alone are not a run of ayi, and the auntie has nothing to say about them.
      this.isCalls = calls > 0 && !model.polls && !model.taskList.length;
      $('tab-auntie').hidden = this.isCalls;
      const rts = model.rts.filter((rt) => !Lens.areFaults(rt)), faults = model.taskList.filter((task) => Lens.areFaults(model.rts[task.rt])).length;
      $('facts').textContent = model.rts.length ? [Lens.count(rts.length, 'runtime'), ...(faults ? [Lens.count(faults, 'fault')] : []), ...(this.isCalls ? [] : [Lens.count(model.taskList.length - faults, 'task'), Lens.count(model.polls, 'poll')]),
        ...(calls ? [Lens.count(calls, 'system call')] : []), Lens.count(events, 'event'), duration(model.to - model.from)].join(' · ') : '';
      $('problems').hidden = !recording.problems.length;
      const texts = recording.problems.map(({ text }) => Lens.visible(text));
      // It is told again only if it is another one.
      if (texts.join('\n') !== this.told) $('problems').replaceChildren(...texts.map((text) => el('p', {}, text)));
      this.told = texts.join('\n');
      const isThere = model.rts.length > 0;
      $('opening').hidden = isThere;
      $('bar').hidden = $('main').hidden = !isThere;
      $('search-form').hidden = !isThere;
      if (isThere) this.shortcuts();
      return isThere;
    }

    // The buttons stay the same while the page follows a run, so that they keep the focus and can be hit.
    shortcuts() {
      const m = this.model, box = $('shortcuts');
      const add = (id, label, find, text) => {
        let button = $(id);
        const isThere = find(m).poll >= 0;
        if (!button && isThere) box.append(button = el('button', { type: 'button', id, onclick: () => this.goTo(find(this.model)) }));
        if (isThere) button.replaceChildren(el('b', {}, `${label}: `), ...text());
        else button?.remove();
      };
      const by = (p) => el('span', {}, ' in ', el('bdi', {}, Lens.describe.taskName(m.tasks[m.task[p]])));
      const slowest = ({ list: [request] }) => (request ? { poll: request.poll, request } : { poll: -1 });
      add('slowest-request', 'Slowest request', (model) => slowest(Lens.requests(model)), () => {
        const [request] = Lens.requests(m).list;
        return [duration(request.end - request.from), el('span', {}, ' from ', el('bdi', {}, Lens.describe.peerOf(request.fd)))];
      });
      add('slowest', 'Slowest poll', (model) => ({ poll: model.slowest }), () => [duration(m.end[m.slowest] - m.start[m.slowest]), by(m.slowest)]);
      add('longest', 'Longest wait', (model) => ({ poll: model.longest }), () => [duration(m.wait[m.longest]), by(m.longest)]);
    }

    controls() {
      for (const view of VIEWS) $(`tab-${view}`).addEventListener('click', () => this.turnTo(view));
      $('bar').querySelector('nav').addEventListener('keydown', (event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!by) return;
        const view = VIEWS[(VIEWS.indexOf(this.view) + by + 3) % 3];
        this.turnTo(view);
        $(`tab-${view}`).focus();
        event.stopPropagation();
      });
      $('show').addEventListener('change', () => this.set({ show: $('show').value }));
      $('order').addEventListener('change', () => this.set({ order: $('order').value }));
      const middle = () => (this.t0 + this.t1) / 2;
      $('zoom-in').addEventListener('click', () => this.zoom(1 / 2, middle()));
      $('zoom-out').addEventListener('click', () => this.zoom(2, middle()));
      $('zoom-fit').addEventListener('click', () => this.fit());
      $('help-button').addEventListener('click', () => Lens.help());
      $('skip').addEventListener('click', (event) => {
        event.preventDefault();
        $('main').focus();
      });
      $('theme').addEventListener('click', () => this.theme({ auto: 'light', light: 'dark', dark: 'auto' }[this.themeName]));
      matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.theme(this.themeName));
      $('search').addEventListener('input', () => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.set({ query: $('search').value }, 'replace'), 150);
      });
      $('search-form').addEventListener('submit', (event) => {
        event.preventDefault();
        clearTimeout(this.typing);
        this.set({ query: $('search').value });
        const [task] = this.found?.tasks ?? [], [fd] = this.found?.fds ?? [];
        if (this.view !== 'timeline') return;
        if (task !== undefined) this.select({ task });
        else if (fd !== undefined) this.select({ fd });
        $('timeline').focus();
      });
      $('file').addEventListener('change', () => this.read($('file').files[0]));
      $('open-button').addEventListener('click', () => $('file').click());
      addEventListener('dragover', (event) => {
        event.preventDefault();
        document.body.classList.add('dropping');
      });
      addEventListener('dragleave', () => document.body.classList.remove('dropping'));
      addEventListener('drop', (event) => {
        event.preventDefault();
        document.body.classList.remove('dropping');
        this.read(event.dataTransfer.files[0]);
      });
      addEventListener('popstate', () => {
        this.live?.pause();
        if (this.model) this.restore(location.hash);
      });
      addEventListener('keydown', (event) => this.key(event));
    }

    async read(file) {
      if (!file) return;
      this.live?.stop();
      history.replaceState(null, '', '#');
      this.open(new Uint8Array(await file.arrayBuffer()));
    }

    key(event) {
      const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
      if (event.key === 'Escape' && event.target === $('search')) return $('timeline').focus();
      if (isTyping || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || !this.model) return;
      if (event.key === '/') $('search').focus();
      else if (event.key === '?') Lens.help();
      else if (event.key === 'f' && this.live) this.live.toggle();
      else if ($('help').open) return;
      else if (event.key === 'd' && this.live) this.live.whoWaits();
      else if (event.key === 'Escape' && this.waits !== null && this.view === 'timeline') this.closeWaits();
      else if (VIEWS[Number(event.key) - 1]) this.turnTo(VIEWS[Number(event.key) - 1]);
      else if (this.view === 'auntie' && this.auntie.key(event)) { /* done */ } else return;
      event.preventDefault();
    }

    closeWaits() {
      this.waits = null;
      this.panel.show();
      $('timeline').focus();
    }

    theme(name) {
      this.themeName = name;
      this.stored('theme', name);
      const isDark = name === 'dark' || name === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches;
      document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
      $('theme').textContent = `Theme: ${name}`;
      this.timeline.theme();
    }

    say(text) { $('live').textContent = text; }

    /** Changes the view, the table, the search. `how`: a step of the history, or none. */
    set(changes, how = 'push') {
      Object.assign(this, changes);
      this.apply();
      this.link(how);
    }

    /** Shows another view. The auntie begins with what is selected. */
    turnTo(view) {
      if (view === 'auntie' && this.isCalls) return;
      // She shows one step after the other, so the run must not go on meanwhile.
      if (view === 'auntie') this.live?.pause();
      if (view === 'auntie' && this.view !== 'auntie' && this.poll >= 0 && this.poll !== this.played) this.play(this.poll);
      else if (view === 'auntie' && this.step === 0 && this.t0 > this.model.from) {
        this.view = view;
        this.setStep(this.auntie.replay(this.rt).stepAt(this.t0), this.rt);
      }
      else this.set({ view });
    }

    apply() {
      if (!this.model) return;
      if (this.view === 'auntie' && this.isCalls) this.view = 'timeline';
      for (const view of VIEWS) {
        const isShown = view === this.view;
        $(`view-${view}`).hidden = !isShown;
        $(`tab-${view}`).setAttribute('aria-selected', String(isShown));
        $(`tab-${view}`).tabIndex = isShown ? 0 : -1;
      }
      $('show').value = this.show;
      $('order').value = this.order;
      if ($('search').value !== this.query) $('search').value = this.query;
      if (this.query !== this.foundFor) {
        this.foundFor = this.query;
        this.found = Lens.find(this.model, this.query);
        if (this.found) this.say(`${Lens.count(this.found.tasks.size, 'task')} and ${Lens.count(this.found.fds.size, 'descriptor')} found.`);
      }
      if (this.view !== 'auntie') this.auntie.stop();
      if (this.view === 'timeline') {
        this.layLanes();
        this.timeline.resize();
        this.panel.show();
      } else if (this.view === 'tables') this.tables.show();
      else this.auntie.show();
    }

    layLanes(mayScroll = true) {
      const related = this.show === 'related' && this.poll >= 0 ? Lens.related(this.model, this.poll) : null;
      const key = JSON.stringify([this.show, this.order, this.query, related ? this.poll : -1]);
      if (this.lanesFor?.key !== key || this.lanesFor.model !== this.model) {
        this.lanesFor = { key, model: this.model };
        this.timeline.setLanes({ show: this.show, order: this.order, filter: this.found, related });
        // What is selected stays in sight.
        if (this.lane >= 0 && mayScroll) this.input.reveal(this.lane);
      }
      $('lane-count').textContent = Lens.count(this.timeline.lanes.list.length + this.timeline.lanes.pinned.length, 'lane');
    }

    setWindow(t0, t1) {
      this.live?.pause();
      const m = this.model, all = m.to - m.from, span = Math.max(50, Math.min(all * 1.2, t1 - t0));
      // A tenth of the window may lie beyond the ends.
      const from = Math.max(m.from - span * .5, Math.min(m.to - span * .5, t0 + (t1 - t0 - span) / 2));
      [this.t0, this.t1] = [from, from + span];
      this.timeline.invalidate();
      this.link('later');
    }

    zoom(factor, around) {
      this.setWindow(around - (around - this.t0) * factor, around + (this.t1 - around) * factor);
    }

    fit() {
      const m = this.model, margin = (m.to - m.from) * .01;
      this.setWindow(m.from - margin, m.to + margin);
    }

    laneOf(selection) {
      if (!selection) return -1;
      const { poll, task = poll >= 0 ? this.model.task[poll] : undefined, fd, thread, rt } = selection;
      return task !== undefined ? task * 4 + 1 : fd !== undefined ? fd * 4 + 2 : thread !== undefined ? thread * 4 + 3 : rt * 4;
    }

    note(selection) {
      const m = this.model;
      this.selection = selection;
      this.poll = selection?.poll ?? -1;
      this.lane = this.laneOf(selection);
      this.arrows = this.poll >= 0 ? Lens.arrows(m, this.poll) : [];
    }

    /** Selects a poll, a task, a descriptor or a runtime. */
    select(selection, { reveal = true, how = 'push' } = {}) {
      this.live?.pause();
      this.waits = null;
      this.note(selection);
      const m = this.model;
      if (this.show === 'related') this.layLanes();
      else if (reveal && this.timeline.lanes.placeOf(this.lane) === -1) {
        // A filter hides it: what is gone to comes first.
        Object.assign(this, { show: 'all', query: '' });
        this.apply();
      }
      // The panel comes first: on a narrow screen it takes room from the lanes.
      this.panel.show();
      this.timeline.resize();
      if (reveal) {
        const p = this.poll, { request } = selection ?? {};
        let from = selection.time, to = selection.time;
        if (request) [from, to] = [request.from, request.end];
        else if (p >= 0) [from, to] = [m.start[p] - m.wait[p], m.end[p]];
        else if (selection.task !== undefined) [from, to] = [m.tasks[selection.task].first, m.tasks[selection.task].last];
        else if (selection.fd !== undefined && from === undefined) [from, to] = [m.fds[selection.fd].first, m.fds[selection.fd].last];
        else if (selection.call !== undefined) [from, to] = [m.threads[selection.thread].start[selection.call], m.threads[selection.thread].end[selection.call]];
        if (request) this.setWindow(from - (to - from) * .12, to + (to - from) * .12);
        else if (from !== undefined && Number.isFinite(from)) this.lookAt(from, to, p >= 0 || selection.call !== undefined);
        this.timeline.focus = this.lane;
        this.input.reveal(this.lane);
      }
      this.timeline.invalidate();
      const words = p => [...[p.slow, [p.cause], [p.queue], [p.took]].flat()].map(Lens.describe.plain).join(' ');
      this.say(selection?.request ? Lens.describe.requestInWords(m, selection.request) : this.poll >= 0 ? `${Lens.describe.taskName(m.tasks[m.task[this.poll]])}. ${words(Lens.describe.poll(m, this.poll))}` : selection?.call !== undefined ? Lens.calls.inWords(m, m.threads[selection.thread], selection.call) : this.input.laneInWords(this.lane));
      this.link(how);
    }

    /** Moves the window, if what lies between two times cannot be seen well. */
    lookAt(from, to, isPoll) {
      const span = this.t1 - this.t0, length = Math.max(to - from, 200);
      const isVisible = from >= this.t0 && to <= this.t1 && (!isPoll || length > span / 60);
      if (isVisible) return;
      const wide = Math.min(Math.max(length * 2.2, isPoll ? 20000 : length), Math.max(span, length * 2.2));
      this.setWindow((from + to) / 2 - wide / 2, (from + to) / 2 + wide / 2);
    }

    goTo(selection) {
      const wasElsewhere = this.view !== 'timeline';
      this.view = 'timeline';
      if (this.found && selection) {
        // What a search hides could not be seen.
        const { poll, task = poll >= 0 ? this.model.task[poll] : undefined, fd } = selection;
        if (task !== undefined && !this.found.tasks.has(task) || fd !== undefined && !this.found.fds.has(fd)) this.query = '';
      }
      if (this.show === 'fds' && selection.fd === undefined || this.show === 'tasks' && selection.fd !== undefined) this.show = 'all';
      this.note(selection);
      this.apply();
      this.select(selection);
      if (wasElsewhere) $('timeline').focus({ preventScroll: true });
    }

    /** The next or the previous poll of the task. */
    toPoll(by) {
      const m = this.model, { thread, call } = this.selection ?? {};
      if (call !== undefined) {
        if (call + by >= 0 && call + by < m.threads[thread].n) this.select({ thread, call: call + by });
        return;
      }
      if (this.poll < 0) return;
      const task = m.tasks[m.task[this.poll]], at = m.position[this.poll] + by;
      if (at >= task.from && at < task.from + task.polls) this.select({ poll: m.byTask[at] });
    }

    toWaker() {
      if (this.poll < 0) return;
      const cause = this.model.causeOf(this.poll);
      if (cause.poll >= 0) this.select({ poll: cause.poll });
      else if (cause.fd) this.select({ fd: cause.fd.index, time: cause.at });
      else if (cause.task) this.select({ task: cause.task.index });
    }

    /** Goes to the auntie's view, where the way to a poll begins. */
    play(p) {
      const rt = this.model.rtOf[p];
      this.played = p;
      this.view = 'auntie';
      this.setStep(this.auntie.replay(rt).stepFor(p), rt);
    }

    setStep(step, rt, isJump = true) {
      this.step = step;
      this.rt = rt;
      if (isJump) this.auntie.stop();
      if (this.view === 'auntie') this.apply();
      this.link(isJump ? 'push' : 'later');
    }

    /** Writes the state into the address: as a step of the history, in place of the last one, or soon. */
    link(how) {
      clearTimeout(this.linking);
      if (how === 'later') {
        this.linking = setTimeout(() => this.link('replace'), 200);
        return;
      }
      const hash = Lens.toHash(this);
      if (how === 'none' || hash === location.hash) return;
      try {
        history[how === 'push' ? 'pushState' : 'replaceState'](null, '', hash);
      } catch { /* a page without an address */ }
    }

    restore(hash) {
      const state = Lens.fromHash(this.model, hash);
      Object.assign(this, DEFAULTS, state);
      this.note(this.selection);
      this.apply();
      this.timeline.focus = this.lane;
      if (this.lane >= 0) this.input.reveal(this.lane);
      this.timeline.invalidate();
    }
  }

  Lens.App = App;
  addEventListener('DOMContentLoaded', () => (Lens.app = new App()));
})(globalThis.Lens ??= {});
