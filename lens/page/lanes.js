// Which lanes there are, and in which order. A lane is one number: four times the index, and what it is.
'use strict';
(function (Lens) {
  const LANE = Lens.LANE = { RT: 0, TASK: 1, FD: 2, THREAD: 3 };
  const HEIGHT = [48, 26, 26, 48];
  const SHORT = ['fd', 'TCP', 'listener', 'UDP', 'Unix', 'listener', 'Unix', 'pipe', 'eventfd', 'timerfd', 'signalfd', 'pidfd', 'fd'];
  // With more runtimes than these the lanes of tasks would have no room, so all scroll together.
  const MOST_PINNED = 3;

  class Lanes {
    constructor(model) {
      this.m = model;
      this.taskPlace = new Int32Array(model.tasks.length);
      this.fdPlace = new Int32Array(model.fds.length);
      this.rtPlace = new Int32Array(model.rts.length);
      this.threadPlace = new Int32Array(model.threads.length);
      this.set({ show: 'all', order: 'first' });
    }

    /** `filter`: what a search has found. `related`: what belongs to the selection. */
    set({ show, order, filter = null, related = null }) {
      const { m } = this, entries = [];
      const wants = (kind, index) => (!filter || filter[kind].has(index)) && (show !== 'related' || !related || related[kind].has(index));
      const isFault = (task) => Lens.areFaults(m.rts[task.rt]);
      // Faults come first. They belong to everything.
      for (const task of m.taskList) if (isFault(task) && (!filter || filter.tasks.has(task.index))) entries.push(-1e18 + task.first, task.index * 4 + LANE.TASK);
      if (show !== 'fds') {
        for (const task of m.taskList) if (!isFault(task) && wants('tasks', task.index)) entries.push(order === 'busy' ? -task.busy : task.first, task.index * 4 + LANE.TASK);
      }
      if (show !== 'tasks') {
        for (const fd of m.fdList) if (wants('fds', fd.index)) entries.push(order === 'busy' ? fd.reports === 0 ? 2 : 1 / (fd.reports + 1) : fd.first, fd.index * 4 + LANE.FD);
      }
      const count = entries.length / 2, by = Int32Array.from({ length: count }, (_, i) => i);
      by.sort((a, b) => entries[a * 2] - entries[b * 2] || a - b);
      // The threads of a runtime whose system calls are all that is known of it stand in its place.
      const isCalls = (rt) => rt.threads.length > 0 && rt.pollsEnd === rt.firstPoll && rt.turns.end.length === 0;
      const rts = m.rts.filter((rt) => !Lens.areFaults(rt) && (show !== 'related' || !related || related.rts.has(rt.index)))
        .flatMap((rt) => [...(isCalls(rt) ? [] : [rt.index * 4 + LANE.RT]), ...rt.threads.map((thread) => thread.index * 4 + LANE.THREAD)]);
      const isPinned = rts.length <= MOST_PINNED;
      this.rtPlace.fill(-1);
      this.threadPlace.fill(-1);
      rts.forEach((lane, place) => (((lane & 3) === LANE.RT ? this.rtPlace : this.threadPlace)[lane >> 2] = isPinned ? -2 - place : place));
      this.pinned = isPinned ? rts : [];
      this.list = new Int32Array(count + (isPinned ? 0 : rts.length));
      if (!isPinned) this.list.set(rts);
      const offset = isPinned ? 0 : rts.length;
      this.taskPlace.fill(-1);
      this.fdPlace.fill(-1);
      for (let i = 0; i < count; i++) {
        const lane = entries[by[i] * 2 + 1];
        this.list[offset + i] = lane;
        ((lane & 3) === LANE.TASK ? this.taskPlace : this.fdPlace)[lane >> 2] = offset + i;
      }
      this.pinnedHeight = this.pinned.length * HEIGHT[0];
      this.tall = offset;
      this.height = offset * HEIGHT[0] + count * HEIGHT[1];
      return this;
    }

    heightOf(lane) { return HEIGHT[lane & 3]; }
    /** Where a place in the list begins. */
    topOf(place) { return place < this.tall ? place * HEIGHT[0] : this.tall * HEIGHT[0] + (place - this.tall) * HEIGHT[1]; }
    /** Which place in the list is at a height. */
    placeAt(y) {
      const tall = this.tall * HEIGHT[0];
      return y < tall ? Math.floor(y / HEIGHT[0]) : this.tall + Math.floor((y - tall) / HEIGHT[1]);
    }
    /** The place of a lane in the list, or a negative one if it is pinned (-2 - place) or not there (-1). */
    placeOf(lane) {
      const index = lane >> 2;
      if ((lane & 3) === LANE.RT) return this.rtPlace[index];
      if ((lane & 3) === LANE.THREAD) return this.threadPlace[index];
      return ((lane & 3) === LANE.TASK ? this.taskPlace : this.fdPlace)[index];
    }

    title(lane, isShort = false) {
      const { m } = this, index = lane >> 2;
      if (isShort && (lane & 3) === LANE.FD) return `${SHORT[m.fds[index].kind] ?? 'fd'} ${m.fds[index].fd < 0 ? '?' : m.fds[index].fd}`;
      if ((lane & 3) === LANE.THREAD) return Lens.calls.threadName(m, m.threads[index]);
      if ((lane & 3) === LANE.RT) return Lens.visible(m.rts[index].label);
      const it = (lane & 3) === LANE.TASK ? m.tasks[index] : m.fds[index], name = (lane & 3) === LANE.TASK ? Lens.describe.taskName(it) : Lens.describe.fdName(it);
      if (Lens.areFaults(m.rts[it.rt])) return Lens.visible(it.name);
      // Several hosts have tasks of one name.
      return m.rts.some(Lens.isSimulated) ? `${Lens.visible(m.rts[it.rt].label)}: ${name}` : name;
    }
  }

  /** What a search finds. */
  Lens.find = function (m, query) {
    const words = query.trim().toLowerCase();
    if (!words) return null;
    const number = /^#?\d+$/.test(words) ? Number(words.replace('#', '')) : -1;
    const has = (text) => text && text.toLowerCase().includes(words);
    const tasks = new Set(), fds = new Set();
    for (const task of m.taskList) if (task.id === number || has(task.name) || has(task.place) || has(Lens.visible(task.name))) tasks.add(task.index);
    for (const fd of m.fdList) if (fd.fd === number || has(fd.peer) || has(Lens.SOURCE_KINDS[fd.kind])) fds.add(fd.index);
    return { tasks, fds };
  };

  /** What belongs to a poll: the tasks and descriptors of its chain, those it woke, and those it tried. */
  Lens.related = function (m, p) {
    const tasks = new Set(), fds = new Set(), rts = new Set([m.rtOf[p]]);
    for (const { poll, cause } of m.chain(p, 50)) {
      rts.add(m.rtOf[poll]);
      tasks.add(m.task[poll]);
      if (cause.task) tasks.add(cause.task.index);
      if (cause.fd) fds.add(cause.fd.index);
    }
    const rt = m.rts[m.rtOf[p]];
    for (const i of m.during(p)) {
      const kind = rt.words[i * 6] & 255;
      if (kind === Lens.K.WOKEN || kind === Lens.K.SPAWNED) tasks.add(m.taskIn(rt, Lens.describe.idOf(rt, i)).index);
      const fd = kind === Lens.K.TRIED || kind === Lens.K.REGISTERED || kind === Lens.K.GIVEN_UP ? m.fdAt(rt, i)
        : kind === Lens.K.WAITS && rt.words[i * 6 + 2] === 1 ? rt.fdByKey.get(rt.words[i * 6 + 4], rt.words[i * 6 + 5]) : null;
      if (fd) fds.add(fd.index);
    }
    return { tasks, fds, rts };
  };

  /** The arrows of a poll: from its cause to it, back along the chain, and on to those it woke. */
  Lens.arrows = function (m, p) {
    const { LANE, CAUSE, K } = Lens, arrows = [];
    const lane = (kind, index) => index * 4 + kind;
    m.chain(p).forEach(({ poll, cause }, depth) => {
      if (cause.event < 0) return;
      const to = { lane: lane(LANE.TASK, m.task[poll]), time: cause.time };
      const rtLane = lane(LANE.RT, m.rtOf[poll]);
      let from = { lane: rtLane, time: cause.time }, kind = 'loop';
      if (cause.kind === CAUSE.REPORT && cause.fd) [from, kind] = [{ lane: lane(LANE.FD, cause.fd.index), time: cause.at }, 'report'];
      else if (cause.kind === CAUSE.TIMER && cause.timer?.set >= 0 && cause.poll >= 0) {
        [from, kind] = [{ lane: lane(LANE.TASK, m.task[cause.poll]), time: cause.timer.time }, 'timer'];
      } else if (cause.poll >= 0) {
        const isEnd = cause.kind === CAUSE.JOINED;
        [from, kind] = [{ lane: lane(LANE.TASK, m.task[cause.poll]), time: isEnd ? m.end[cause.poll] : cause.time }, isEnd ? 'joined' : cause.kind === CAUSE.BEGINS ? 'spawned' : 'woke'];
      }
      arrows.push({ kind, depth, from, to, start: m.start[poll] });
    });
    const rt = m.rts[m.rtOf[p]];
    for (const i of m.during(p)) {
      if ((rt.words[i * 6] & 255) !== K.WOKEN) continue;
      const task = m.taskIn(rt, Lens.describe.idOf(rt, i));
      if (task.index !== m.task[p]) arrows.push({ kind: 'wakes', depth: -1, from: { lane: lane(LANE.TASK, m.task[p]), time: rt.t[i] }, to: { lane: lane(LANE.TASK, task.index), time: rt.t[i] }, start: rt.t[i] });
    }
    return arrows;
  };

  Lens.Lanes = Lanes;
  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
