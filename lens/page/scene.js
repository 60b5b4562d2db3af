// The scene of the auntie's view: taps to the left, the auntie, students who sleep, the queue, the table.
'use strict';
(function (Lens) {
  const NS = 'http://www.w3.org/2000/svg';
  const svg = (tag, attributes = {}, ...children) => {
    const element = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const text = (x, y, words, attributes = {}) => {
    const element = svg('text', { x, y, 'text-anchor': 'middle', ...attributes });
    element.textContent = words;
    return element;
  };
  const short = (words, most) => (words.length > most ? `${words.slice(0, most - 1)}…` : words);
  const COATS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7a6a00', '#7f5fb0'];

  const grid = (columns, rows, x, y, dx, dy) => Array.from({ length: columns * rows }, (_, i) => [x + i % columns * dx, y + Math.floor(i / columns) * dy]);
  // Where things are: on a wide screen, and on a narrow one.
  const WIDE = {
    box: [960, 476], auntie: [330, 245], bubble: [330, 92], size: 1, taps: grid(1, 5, 74, 86, 0, 80), tapText: [44, 4, 'start'],
    beds: grid(4, 2, 548, 82, 112, 108), table: [560, 374], desk: 62, queue: grid(3, 1, 696, 374, 98, 0), letters: 14,
    rooms: [[16, 14, 194, 448, 'taps'], [490, 14, 454, 246, 'asleep, until somebody calls'], [490, 274, 140, 188, 'at the table'], [644, 274, 300, 188, 'the queue']],
  };
  const NARROW = {
    box: [360, 590], auntie: [74, 268], bubble: [80, 150], size: .8, taps: grid(3, 1, 62, 64, 118, 0), tapText: [0, 46, 'middle'],
    beds: grid(3, 2, 186, 190, 66, 108), table: [72, 494], desk: 57, queue: grid(3, 1, 186, 494, 66, 0), letters: 7,
    rooms: [[8, 8, 344, 112, 'taps'], [146, 132, 206, 240, 'asleep'], [8, 396, 130, 184, 'at the table'], [146, 396, 206, 184, 'the queue']],
  };

  class Scene {
    constructor(root) {
      this.root = root;
      this.students = new Map();
      this.beds = new Map();
      this.tapPlaces = new Map();
    }

    layout(isNarrow) {
      const plan = isNarrow ? NARROW : WIDE;
      if (plan === this.plan) return;
      this.plan = plan;
      for (const map of [this.students, this.beds, this.tapPlaces]) map.clear();
      this.root.replaceChildren();
      const drawing = svg('svg', { viewBox: `0 0 ${plan.box.join(' ')}`, role: 'img', 'aria-label': 'The auntie, the taps and the students' });
      for (const [x, y, w, h, title] of plan.rooms) {
        drawing.append(svg('rect', { x, y, width: w, height: h, rx: 12, fill: 'var(--surface)', stroke: 'var(--line)' }), text(x + 12, y + 20, title, { class: 'small', 'text-anchor': 'start' }));
      }
      const [tx, ty] = plan.table;
      const table = svg('path', { d: `M${tx - plan.desk} ${ty + 22}h${plan.desk * 2}v10h-4v36h-6v-36h${20 - plan.desk * 2}v36h-6v-36h-4z`, fill: 'var(--wood)' });
      this.taps = svg('g');
      this.people = svg('g');
      this.auntie = svg('g');
      this.notes = svg('g');
      drawing.append(this.taps, this.auntie, this.people, table, this.notes);
      this.root.append(drawing);
    }

    draw(replay, state) {
      const { m } = replay, soon = replay.soon(30);
      this.drawTaps(m, replay, state, soon);
      this.drawAuntie(state);
      this.drawStudents(m, replay, state, soon);
    }

    // What is shown keeps its place for as long as it is shown. What acts now or soon comes first.
    assign(places, wanted, count) {
      const chosen = wanted.slice(0, count), keep = new Set(chosen);
      for (const key of places.keys()) if (!keep.has(key)) places.delete(key);
      const taken = new Set(places.values());
      for (const key of chosen) {
        if (places.has(key)) continue;
        let place = 0;
        while (taken.has(place)) place++;
        places.set(key, place);
        taken.add(place);
      }
    }

    drawTaps(m, replay, state, soon) {
      const { plan } = this, waitsFor = new Set(state.waitsFor.values());
      const rank = (fd) => (fd === state.active.fd ? 4e9 : soon.fds.includes(fd) ? 3e9 - soon.fds.indexOf(fd) : (state.tapSeen.get(fd) ?? -1) + (waitsFor.has(fd) ? .5 : 0));
      const wanted = [...new Set([...state.taps, ...soon.fds])].sort((a, b) => rank(b) - rank(a) || a - b);
      this.assign(this.tapPlaces, wanted, plan.taps.length);
      this.taps.replaceChildren();
      for (const [index, place] of this.tapPlaces) {
        const fd = m.fds[index], [x, y] = plan.taps[place], bits = state.running.get(index) ?? 0, runs = (bits & ~4) !== 0, isThere = state.taps.has(index);
        const g = svg('g', { transform: `translate(${x} ${y})`, opacity: isThere ? 1 : .35 });
        if (index === state.active.fd) g.append(svg('circle', { r: 30, fill: 'var(--picked)', stroke: 'var(--warn-line)', 'stroke-width': 1.5 }));
        g.append(svg('path', { d: 'M-24 -6h22a12 12 0 0 1 12 12v6h-9v-5a4 4 0 0 0-4-4h-21z M-12 -6v-8h-7v-4h21v4h-7v8z', fill: 'var(--metal)' }));
        if (runs) g.append(svg('path', { d: 'M5.500 15c5 7 5 12 0 12s-5-5 0-12z', fill: 'var(--water)' }));
        const [dx, dy, anchor] = plan.tapText, isRow = anchor === 'start';
        const title = svg('title');
        title.textContent = Lens.describe.fdName(fd);
        g.append(text(isRow ? dx : 0, isRow ? -3 : dy - 4, fd.fd < 0 ? '?' : `${fd.fd}`, { 'text-anchor': anchor, 'font-weight': 600 }));
        if (isRow) g.append(text(dx, 14, runs ? 'runs' : bits & 4 ? 'can be filled' : isThere ? 'quiet' : 'not yet there', { class: 'small', 'text-anchor': anchor }));
        else if (runs) g.append(text(24, 24, 'runs', { class: 'small', 'text-anchor': 'start' }));
        g.append(title);
        this.taps.append(g);
      }
      const more = state.taps.size - [...this.tapPlaces.keys()].filter((fd) => state.taps.has(fd)).length;
      this.notes.replaceChildren();
      const room = plan.rooms[0];
      if (more > 0) this.notes.append(text(room[0] + room[2] - 12, room[1] + 20, `and ${more.toLocaleString('en')} more`, { class: 'small', 'text-anchor': 'end' }));
    }

    drawAuntie(state) {
      const [x, y] = this.plan.auntie, how = state.auntie;
      const eyes = how === 'sleeps' ? 'M-13 -52q4 4 8 0M5 -52q4 4 8 0' : how === 'looks' ? 'M-13 -53h4M5 -53h4' : 'M-10 -53h4M7 -53h4';
      const mouth = how === 'calls' ? svg('ellipse', { cx: 0, cy: -38, rx: 5, ry: 6, fill: '#8a3b2c' }) : svg('path', { d: how === 'sleeps' ? 'M-4 -38h8' : 'M-6 -40q6 5 12 0', stroke: '#5a3d2b', 'stroke-width': 2, fill: 'none', 'stroke-linecap': 'round' });
      this.auntie.setAttribute('transform', `translate(${x} ${y})`);
      const { size } = this.plan, figure = svg('g', { transform: `scale(${size})` });
      const told = { sleeps: 'sleeps in epoll', looks: 'looks at the taps', calls: 'calls', serves: 'serves' }[how];
      this.auntie.replaceChildren(figure, text(0, 92 * size + 24, size < 1 ? told : `the auntie ${told}`, { class: 'small' }));
      figure.append(
        svg('ellipse', { cx: 0, cy: 92, rx: 52, ry: 8, fill: 'var(--ground)' }),
        svg('path', { d: 'M-44 90q-2-92 44-108q46 16 44 108z', fill: '#7f5fb0' }),
        svg('path', { d: 'M-24 90q0-60 24-70q24 10 24 70z', fill: '#f4eee2' }),
        how === 'calls' ? svg('path', { d: 'M34 20q26 -8 30 -40', stroke: '#7f5fb0', 'stroke-width': 15, fill: 'none', 'stroke-linecap': 'round' })
          : svg('path', { d: 'M32 18q14 22-6 36', stroke: '#6b4f9b', 'stroke-width': 14, fill: 'none', 'stroke-linecap': 'round' }),
        svg('path', { d: how === 'looks' ? 'M-32 18q-26 -2-36-26' : 'M-32 18q-14 22 6 36', stroke: '#6b4f9b', 'stroke-width': 14, fill: 'none', 'stroke-linecap': 'round' }),
        svg('circle', { cx: 0, cy: -84, r: 13, fill: '#4b4540' }),
        svg('circle', { cx: 0, cy: -50, r: 31, fill: '#4b4540' }),
        svg('circle', { cx: how === 'looks' ? -3 : 0, cy: -46, r: 26, fill: 'var(--skin)' }),
        svg('path', { d: eyes, stroke: '#3a2a1d', 'stroke-width': how === 'sleeps' ? 2 : 4.5, fill: 'none', 'stroke-linecap': 'round', transform: how === 'looks' ? 'translate(-5 2)' : 'translate(0 3)' }),
        mouth,
      );
      if (how === 'sleeps') {
        const zs = svg('g', { fill: 'var(--quiet)' });
        for (const [dx, dy, size] of [[36, -66, 15], [50, -82, 19], [66, -102, 24]]) zs.append(text(dx, dy, 'z', { style: `font-size:${size}px` }));
        figure.append(zs);
      }
      if (state.word && how === 'calls') {
        const word = short(`${state.word}!`, 16), w = Math.max(60, word.length * 8.600 + 24), [bx, by] = this.plan.bubble;
        const left = Math.max(8, bx - w / 2) - x;
        this.auntie.append(svg('rect', { x: left, y: by - y - 22, width: w, height: 34, rx: 12, fill: 'var(--surface)', stroke: 'var(--text)', 'stroke-width': 1.5 }),
          svg('path', { d: `M-6 ${by - y + 11}l6 11l6 -11`, fill: 'var(--surface)', stroke: 'var(--text)', 'stroke-width': 1.5 }),
          text(left + w / 2, by - y, word, { 'font-weight': 600 }));
      }
    }

    drawStudents(m, replay, state, soon) {
      const { plan } = this, places = new Map();
      if (state.table.length) places.set(state.table.at(-1), plan.table);
      state.queue.first(plan.queue.length).forEach((task, i) => places.set(task, plan.queue[i]));
      const sleeping = [];
      for (const task of m.taskList) {
        if (state.task[task.index] !== 1 || places.has(task.index)) continue;
        sleeping.push(task.index);
      }
      const rank = (task) => (task === state.active.task ? 4e9 : soon.tasks.includes(task) ? 3e9 - soon.tasks.indexOf(task) : state.seen[task]);
      // With very many tasks only those that have acted are worth a bed.
      const wanted = sleeping.length > 2000 ? sleeping.filter((task) => rank(task) >= 0) : sleeping;
      wanted.sort((a, b) => rank(b) - rank(a) || a - b);
      this.assign(this.beds, wanted, plan.beds.length);
      for (const [task, bed] of this.beds) places.set(task, plan.beds[bed]);
      for (const [task, g] of this.students) {
        if (places.has(task)) continue;
        g.remove();
        this.students.delete(task);
      }
      for (const [task, [x, y]] of places) {
        let g = this.students.get(task);
        if (!g) {
          g = svg('g', { class: 'moving' });
          this.students.set(task, g);
          this.people.append(g);
        }
        g.style.transform = `translate(${x}px, ${y}px)`;
        this.student(g, m.tasks[task], state);
      }
      const note = (room, count) => count > 0 && this.notes.append(text(room[0] + room[2] - 12, room[1] + 20, `and ${count.toLocaleString('en')} more`, { class: 'small', 'text-anchor': 'end' }));
      note(plan.rooms[1], sleeping.length - this.beds.size);
      note(plan.rooms[3], state.queue.length - plan.queue.length);
    }

    student(g, task, state) {
      const isAsleep = state.task[task.index] === 1, isActive = task.index === state.active.task, name = Lens.visible(task.name || 'task');
      const isAtTable = state.task[task.index] === 3, title = svg('title');
      title.textContent = Lens.describe.taskName(task);
      const waits = state.waitsFor.get(task.index), what = !isAsleep || waits === undefined ? '' : waits >= 0 ? `tap ${this.fdNumber(waits)}` : ['', '', 'a timer', 'a task', 'a call', 'the ring', 'a channel'][-1 - waits] ?? '';
      g.replaceChildren(
        isActive ? svg('ellipse', { cx: 0, cy: 1, rx: 27, ry: 31, fill: 'var(--picked)', stroke: 'var(--warn-line)', 'stroke-width': 1.5 }) : svg('g'),
        svg('path', { d: 'M-18 26q-1-26 18-28q19 2 18 28z', fill: COATS[task.index % COATS.length] }),
        svg('circle', { cx: 0, cy: -12, r: 13, fill: 'var(--skin)' }),
        svg('path', { d: 'M-13 -14a13 13 0 0 1 26 0q-13-8-26 0z', fill: '#3b322b' }),
        svg('path', { d: isAsleep ? 'M-7 -9q2.500 2.500 5 0M2 -9q2.500 2.500 5 0' : 'M-5 -10v.1M5 -10v.1', stroke: '#3a2a1d', 'stroke-width': isAsleep ? 1.6 : 3.5, fill: 'none', 'stroke-linecap': 'round' }),
        text(0, 45, short(name, isAtTable ? Math.min(12, this.plan.letters + 2) : this.plan.letters), { 'font-weight': isActive ? 600 : 400, style: 'font-size:13px' }),
        text(0, 60, this.plan === NARROW ? what || `#${task.id}` : `#${task.id}${what ? `, ${what}` : ''}`, { class: 'small', style: 'font-size:12px' }),
        title,
      );
    }

    fdNumber(index) {
      const fd = this.m.fds[index];
      return fd.fd < 0 ? '?' : fd.fd;
    }
  }

  Lens.Scene = Scene;
})(globalThis.Lens ??= {});
