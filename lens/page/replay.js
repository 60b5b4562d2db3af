// The steps of one runtime's run, and what is where after each of them.
'use strict';
(function (Lens) {
  const { K } = Lens;
  const NAMES = Lens.STEP_NAMES = ['sleeps', 'wakes', 'looks', 'found', 'noted', 'called', 'queued', 'turned', 'comes', 'runs', 'tries', 'result',
    'waits', 'over', 'spawned', 'ended', 'arrived', 'registered', 'given_up', 'timer_set', 'fired', 'dropped', 'budget', 'messages', 'call', 'ran',
    'submitted', 'completed', 'entered', 'left', 'end', 'lost'];
  const S = Lens.STEP = Object.fromEntries(NAMES.map((name, i) => [name.toUpperCase(), i]));

  // The steps that an event makes.
  const OF = {
    [K.REPORTED]: [S.FOUND, S.NOTED], [K.WOKEN]: [S.CALLED, S.QUEUED], [K.TURNED]: [S.TURNED], [K.TRIED]: [S.TRIES, S.RESULT],
    [K.WAITS]: [S.WAITS], [K.POLLED]: [S.OVER], [K.SPAWNED]: [S.SPAWNED], [K.ENDED]: [S.ENDED], [K.ARRIVED]: [S.ARRIVED],
    [K.REGISTERED]: [S.REGISTERED], [K.GIVEN_UP]: [S.GIVEN_UP], [K.TIMER_SET]: [S.TIMER_SET], [K.TIMER_FIRED]: [S.FIRED],
    [K.TIMER_DROPPED]: [S.DROPPED], [K.BUDGET]: [S.BUDGET], [K.MESSAGES]: [S.MESSAGES], [K.CALL_QUEUED]: [S.CALL], [K.CALL_RAN]: [S.RAN],
    [K.SUBMITTED]: [S.SUBMITTED], [K.COMPLETED]: [S.COMPLETED], [K.ENTERED]: [S.ENTERED], [K.LEFT]: [S.LEFT], [K.END]: [S.END], [K.LOST]: [S.LOST],
  };
  const SLEPT = [S.SLEEPS, S.WAKES], LOOKED = [S.LOOKS], BEGUN = [S.CALLED], NONE = [];

  class Queue {
    constructor(tasks) { Object.assign(this, { items: [], head: 0, has: new Uint8Array(tasks) }); }
    get length() { return this.items.length - this.head; }
    first(count) { return this.items.slice(this.head, this.head + count); }
    push(task) {
      if (this.has[task]) return;
      this.has[task] = 1;
      this.items.push(task);
    }
    remove(task) {
      if (!this.has[task]) return;
      this.has[task] = 0;
      if (this.items[this.head] === task) this.head++;
      else this.items.splice(this.items.indexOf(task, this.head), 1);
    }
  }

  class Replay {
    constructor(m, rt) {
      Object.assign(this, { m, rt });
      const { words, n } = rt, size = n * 2 + (rt.pollsEnd - rt.firstPoll) * 2;
      this.kind = new Uint8Array(size);
      this.ref = new Int32Array(size);
      /** How many are in the queue before each step. */
      this.queued = new Int32Array(size);
      let count = 0, queued = 0;
      const add = (kind, ref) => {
        this.kind[count] = kind;
        this.queued[count] = queued;
        if (kind === S.QUEUED) queued++;
        else if (kind === S.COMES) queued = Math.max(0, queued - 1);
        this.ref[count++] = ref;
      };
      // The polls in the order in which they begin.
      const polls = Int32Array.from({ length: rt.pollsEnd - rt.firstPoll }, (_, i) => rt.firstPoll + i);
      if (rt.isNested) polls.sort((a, b) => m.firstEvent[a] - m.firstEvent[b] || m.start[a] - m.start[b]);
      this.stepOfPoll = new Int32Array(polls.length);
      let next = 0;
      for (let i = 0, w = 0; i < n; i++, w += 6) {
        while (next < polls.length && m.firstEvent[polls[next]] <= i) {
          const p = polls[next++];
          this.stepOfPoll[p - rt.firstPoll] = count;
          add(S.COMES, p);
          add(S.RUNS, p);
        }
        const kind = words[w] & 255;
        const steps = kind === K.LOOKED ? (words[w + 5] & 1 ? SLEPT : LOOKED) : OF[kind] ?? NONE;
        for (const step of steps) {
          // The first wake of a task needs no words of its own: it has just been spawned.
          if (step === S.CALLED && (words[w + 4] & 255) === Lens.CAUSE.BEGINS) continue;
          add(step, i);
        }
      }
      this.count = count;
      this.reset();
    }

    reset() {
      const { m, rt } = this;
      this.at = -1;
      this.state = {
        auntie: 'serves', word: '', table: [], queue: new Queue(m.tasks.length), task: new Uint8Array(m.tasks.length), waitsFor: new Map(),
        running: new Map(), taps: new Set(), seen: new Int32Array(m.tasks.length).fill(-1), tapSeen: new Map(), active: { task: -1, fd: -1 },
      };
      // Who was there before the recording begins.
      for (const task of m.taskList) if (task.spawnEvent < 0 && task.rt === rt.index) this.state.task[task.index] = 1;
      for (const fd of m.fdList) if (fd.rt === rt.index && fd.hi + fd.lo > 0 && Number.isNaN(fd.registered)) this.state.taps.add(fd.index);
    }

    /** Goes to the state after step `k`. */
    seek(k) {
      k = Math.max(0, Math.min(this.count - 1, k));
      if (k < this.at) this.reset();
      while (this.at < k) this.apply(++this.at);
      return this.state;
    }

    /** The steps `from` to `to`, told one after the other. */
    story(from, to) {
      const told = [];
      for (let k = Math.max(0, from); k <= Math.min(to, this.count - 1); k++) told.push({ k, ...Lens.tell(this, k) });
      return told;
    }

    /** The step that begins the way to a poll: the report that has brought it about, or its wake, or the poll itself. */
    stepFor(p) {
      const { m, rt } = this, cause = m.causeOf(p), step = this.stepOfPoll[p - rt.firstPoll];
      let event = cause.event;
      if (cause.report >= 0) event = cause.report;
      if (event < 0) return step;
      for (let k = step; k >= 0 && step - k < 5000; k--) {
        const kind = this.kind[k];
        if (kind !== S.COMES && kind !== S.RUNS && this.ref[k] === event) {
          while (k > 0 && this.kind[k - 1] !== S.COMES && this.kind[k - 1] !== S.RUNS && this.ref[k - 1] === event) k--;
          // The sleep before it belongs to the story.
          if (cause.report >= 0) {
            for (let back = k - 1; back >= 0 && k - back < 60; back--) if (this.kind[back] === S.SLEEPS) return back;
          }
          return k;
        }
      }
      return step;
    }

    /** Where the way of the next byte after step `k` begins, or else of the first one. Negative if there is none. */
    nextByte(k) {
      const next = (from) => {
        for (let i = from; i < this.count; i++) {
          if (this.kind[i] !== S.FOUND) continue;
          let begin = i;
          while (begin > 0 && i - begin < 60 && ![S.SLEEPS, S.LOOKS, S.TURNED].includes(this.kind[begin])) begin--;
          const at = this.kind[begin] === S.SLEEPS || this.kind[begin] === S.LOOKS ? begin : i;
          if (at > k) return at;
        }
        return -1;
      };
      const later = next(Math.max(0, k + 1));
      if (later >= 0 || k < 0) return later;
      k = -1;
      return next(0);
    }

    /** The first step at or after a time. */
    stepAt(time) {
      let low = 0, high = this.count - 1;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.timeOf(middle) < time) low = middle + 1;
        else high = middle;
      }
      return low;
    }

    timeOf(k) {
      const kind = this.kind[k], at = this.ref[k];
      return kind === S.COMES || kind === S.RUNS ? this.m.start[at] : this.rt.t[at];
    }

    /** The task and the descriptor that a step is about. */
    about(k) {
      const { m, rt } = this, kind = this.kind[k], at = this.ref[k];
      if (kind === S.COMES || kind === S.RUNS) return { task: m.task[at], fd: -1 };
      const owner = rt.owner[at], of = owner >= 0 ? m.task[owner] : -1;
      switch (kind) {
        case S.CALLED: case S.QUEUED: case S.SPAWNED: case S.ENDED: case S.ARRIVED: case S.BUDGET: case S.OVER:
          return { task: m.taskIn(rt, Lens.describe.idOf(rt, at))?.index ?? -1, fd: -1 };
        case S.FOUND: case S.NOTED: case S.TRIES: case S.RESULT: case S.REGISTERED: case S.GIVEN_UP:
          return { task: of, fd: m.fdAt(rt, at)?.index ?? -1 };
        case S.WAITS: return { task: of, fd: rt.words[at * 6 + 2] === 1 ? rt.fdByKey.get(rt.words[at * 6 + 4], rt.words[at * 6 + 5])?.index ?? -1 : -1 };
        default: return { task: of, fd: -1 };
      }
    }

    apply(k) {
      const { m, rt, state } = this, kind = this.kind[k], at = this.ref[k], { task, fd } = this.about(k), low = rt.words[at * 6 + 4];
      state.active = { task, fd };
      state.word = '';
      if (task >= 0) state.seen[task] = k;
      if (fd >= 0) {
        state.tapSeen.set(fd, k);
        state.taps.add(fd);
      }
      switch (kind) {
        case S.SLEEPS: state.auntie = 'sleeps'; break;
        case S.WAKES: case S.LOOKS: case S.FOUND: case S.MESSAGES: case S.FIRED: state.auntie = 'looks'; break;
        case S.NOTED:
          state.auntie = 'looks';
          state.running.set(fd, low);
          break;
        case S.CALLED:
          state.word = Lens.visible(m.tasks[task].name || `#${m.tasks[task].id}`);
          if (rt.owner[at] < 0) state.auntie = 'calls';
          break;
        case S.QUEUED:
          if (state.task[task] !== 3) state.task[task] = 2;
          state.queue.push(task);
          state.waitsFor.delete(task);
          break;
        case S.TURNED: case S.RUNS: case S.TRIES: case S.WAITS: case S.OVER: state.auntie = 'serves'; break;
        default: break;
      }
      if (kind === S.COMES) {
        state.auntie = 'serves';
        state.queue.remove(task);
        state.task[task] = 3;
        state.table.push(task);
      } else if (kind === S.RESULT) {
        const bits = (low & 0xffff) === 2 ? 4 : 1, left = (state.running.get(fd) ?? 0) & ~bits;
        if (low >>> 16 === 1 || low >>> 16 === 2) state.running.set(fd, left);
      } else if (kind === S.WAITS && task >= 0) state.waitsFor.set(task, fd >= 0 ? fd : -1 - rt.words[at * 6 + 2]);
      else if (kind === S.OVER) {
        const place = state.table.lastIndexOf(task);
        if (place >= 0) state.table.splice(place, 1);
        state.task[task] = m.result[rt.owner[at]] ? 4 : state.queue.has[task] ? 2 : 1;
      } else if (kind === S.ENDED) state.task[task] = 4;
      else if (kind === S.SPAWNED || kind === S.ARRIVED && task >= 0) state.task[task] = 1;
      else if (kind === S.GIVEN_UP) {
        state.taps.delete(fd);
        state.running.delete(fd);
      }
    }

    /** The tasks and descriptors of the next steps: the scene shows them before they act. */
    soon(count) {
      const tasks = [], fds = [];
      for (let k = this.at; k < Math.min(this.count, this.at + count); k++) {
        const { task, fd } = this.about(Math.max(0, k));
        if (task >= 0 && !tasks.includes(task)) tasks.push(task);
        if (fd >= 0 && !fds.includes(fd)) fds.push(fd);
      }
      return { tasks, fds };
    }
  }

  Lens.Replay = Replay;
  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
