// From events to what a reader looks for: polls with their causes, tasks, descriptors, timers. All polls lie in typed
// arrays, runtime after runtime, each in the order in which its polls ended.
'use strict';
(function (Lens) {
  const { K, CAUSE } = Lens;
  const KEY_HIGH = 0xffffff; // a cause has the lower 56 bits of a key

  // Whether the loop itself has written the event, and not the code of a poll that goes on.
  const LOOP_KINDS = new Uint8Array(256);
  for (const kind of [K.LOOKED, K.TURNED, K.ENTERED, K.LEFT, K.ENDED, K.ARRIVED, K.REPORTED, K.TIMER_FIRED, K.MESSAGES,
    K.CALL_RAN, K.COMPLETED, K.END, K.LOST, K.CALLED]) LOOP_KINDS[kind] = 1;
  const LOOP_CAUSES = new Uint8Array(256);
  for (const cause of [CAUSE.REPORT, CAUSE.TIMER, CAUSE.MESSAGE, CAUSE.BUDGET, CAUSE.JOINED, CAUSE.CALL, CAUSE.RING, CAUSE.END]) LOOP_CAUSES[cause] = 1;

  // Keys have 64 bits, and causes name the lower 56 of them. A number has 53, so a key stays in two halves.
  class KeyMap {
    constructor() { this.lists = new Map(); }
    get(lo, hi) {
      return this.lists.get(lo)?.find((it) => it.hi === (hi & KEY_HIGH))?.value;
    }
    values() { return [...this.lists.values()].flat().map((it) => it.value); }
    set(lo, hi, value) {
      const list = this.lists.get(lo);
      const entry = list?.find((it) => it.hi === (hi & KEY_HIGH));
      if (entry) entry.value = value;
      else if (list) list.push({ hi: hi & KEY_HIGH, value });
      else this.lists.set(lo, [{ hi: hi & KEY_HIGH, value }]);
    }
  }

  class Task {
    constructor(index, rt, id) {
      Object.assign(this, { index, rt, id, name: '', place: '', spawned: NaN, spawnEvent: -1, spawner: -1, spawnPoll: -1,
        ended: NaN, how: -1, first: Infinity, last: -Infinity, busy: 0, wait: 0, polls: 0, slowest: -1, longest: -1, from: 0, moves: 0,
        pendingWake: -1, laterWake: -1, lastEnd: -Infinity, isInterrupted: false, root: null, state: -1 });
    }
  }

  class Builder {
    constructor(recording) {
      let polls = 0;
      for (const rt of recording.runtimes) for (let w = 0; w < rt.words.length; w += 6) if ((rt.words[w] & 255) === K.POLLED) polls++;
      this.m = {
        recording, rts: recording.runtimes, origin: recording.origin, polls,
        tasks: [], fds: [], timers: [], calls: [], wakes: new Map(),
        start: new Float64Array(polls), end: new Float64Array(polls), wait: new Float64Array(polls),
        task: new Int32Array(polls), rtOf: new Uint32Array(polls), event: new Int32Array(polls), firstEvent: new Int32Array(polls),
        wake: new Int32Array(polls).fill(-1), result: new Uint8Array(polls), slowest: -1, longest: -1,
      };
      this.count = 0;
    }

    taskOf(rt, id) {
      let task = rt.taskById.get(id);
      if (!task) {
        task = new Task(this.m.tasks.length, rt.index, id);
        this.m.tasks.push(task);
        rt.taskById.set(id, task);
      }
      return task;
    }

    fdOf(rt, lo, hi, isNew = false) {
      let fd = rt.fdByKey.get(lo, hi);
      if (!fd || isNew) {
        fd = this.newFd(rt, lo, hi);
        rt.fdByKey.set(lo, hi, fd);
      }
      return fd;
    }

    newFd(rt, lo, hi) {
      const fd = { index: this.m.fds.length, rt: rt.index, lo, hi, fd: -1, kind: 0, peer: '', registered: NaN, gone: NaN,
        reports: 0, tries: 0, nothing: 0, failed: 0, first: Infinity, last: -Infinity, from: 0, count: 0 };
      this.m.fds.push(fd);
      return fd;
    }

    // The events of the poll that ends at event `i`: backwards, until something is older than the poll. A poll within it,
    // which `block_in_place` allows, is jumped over.
    own(rt, i, poll, task) {
      const { m } = this, { words, t, owner } = rt, start = m.start[poll];
      let first = i, j = i - 1;
      while (j >= 0 && t[j] >= start) {
        const w = j * 6, kind = words[w] & 255;
        if (kind === K.WOKEN && this.isWake(words, j, task)) break;
        if (kind === K.POLLED) {
          const inner = owner[j];
          if (m.start[inner] < start || t[j] <= start) break;
          rt.isNested = true;
          first = m.firstEvent[inner];
          j = first - 1;
          continue;
        }
        if (kind === K.LOOKED || kind === K.TURNED) {
          if (t[j] <= start || t[j] - (words[w + 2] + words[w + 3] * 4294967296) < start) break;
        } else if (!LOOP_KINDS[kind] && owner[j] < 0 && kind !== K.TEXT && this.isOf(words, w, kind, t[j] > start, task)) {
          owner[j] = poll;
          first = j;
        }
        j--;
      }
      owner[i] = poll;
      m.firstEvent[poll] = first;
    }

    isOf(words, w, kind, isInside, task) {
      if (kind !== K.WOKEN && kind !== K.SPAWNED) return true;
      const cause = words[w + 4] & 255;
      // Nobody is the cause of one's own beginning.
      if ((kind === K.SPAWNED || cause === CAUSE.BEGINS) && words[w + 2] + (words[w + 3] & 0xffff) * 4294967296 === task.id) return false;
      if (LOOP_CAUSES[cause]) return false;
      if (cause === CAUSE.TASK) return Lens.causeWhich(words, w) === task.id || isInside;
      return isInside || cause === CAUSE.BEGINS;
    }

    runtime(rt, index) {
      const { m } = this, { words, n, t } = rt;
      Object.assign(rt, { index, taskById: new Map(), fdByKey: new KeyMap(), owner: new Int32Array(n).fill(-1), firstPoll: this.count,
        isNested: false, entered: 0, ended: NaN, unregistered: new Map(), called: [] });
      this.alive(rt);
      const looked = [], turned = [], timerByKey = new KeyMap(), fdEvents = [], unions = [];
      let segment = 0, gap = 0, named = null, lastPlain = -1;
      const texts = (i, at) => {
        while (segment + 1 < rt.segments.length && rt.segments[segment + 1].start <= i) segment++;
        return rt.segments[segment].texts[at] ?? '';
      };
      const begins = n ? Math.min(rt.relativeBig(rt.begins), t[0]) : 0;
      // The recording may begin long after the runtime has begun.
      const floor = n ? Math.max(begins, t[0] - 3.6e12) : 0;
      const touch = (it, time) => {
        if (time < it.first) it.first = time;
        if (time > it.last) it.last = time;
      };
      for (let i = 0, w = 0; i < n; i++, w += 6) {
        const kind = words[w] & 255, time = t[i];
        const aLo = words[w + 2], aHi = words[w + 3], bLo = words[w + 4], bHi = words[w + 5];
        if (i === rt.gaps[gap]) {
          gap++;
          for (const task of rt.taskById.values()) this.interrupt(task);
        }
        if (kind === K.TEXT) {
          if (named) named.push(i);
          continue;
        }
        if (named) this.name(rt, named), (named = null);
        switch (kind) {
          case K.LOOKED: looked.push(i); break;
          case K.TURNED: turned.push(i); break;
          case K.SPAWNED: {
            const task = this.taskOf(rt, aLo + (aHi & 0xffff) * 4294967296);
            if (lastPlain >= 0 && (words[lastPlain * 6] & 255) === K.ARRIVED) unions.push({ event: lastPlain, to: task });
            else {
              task.spawned = time;
              task.spawnEvent = i;
              if ((bLo & 255) === CAUSE.TASK || (bLo & 255) === CAUSE.BEGINS) {
                const by = Lens.causeWhich(words, w);
                if (by) task.spawner = this.taskOf(rt, by).index;
              }
            }
            if (aHi >>> 16) task.place = texts(i, (aHi >>> 16) - 1) || task.place;
            touch(task, time);
            named = [task];
            task.pendingWake = task.laterWake = -1;
            break;
          }
          case K.WOKEN: {
            const task = this.taskOf(rt, aLo + (aHi & 0xffff) * 4294967296);
            touch(task, time);
            if (task.pendingWake < 0) task.pendingWake = i;
            else if (task.laterWake < 0) task.laterWake = i;
            break;
          }
          case K.POLLED: this.poll(rt, i, floor, touch); break;
          case K.ENDED: {
            const task = this.taskOf(rt, aLo + (aHi & 0xffff) * 4294967296);
            touch(task, time);
            task.how = aHi >>> 16;
            task.ended = time;
            if (task.how === 3) task.moves++;
            break;
          }
          case K.ARRIVED: {
            // It keeps its number, unless it is spawned anew right here.
            if (i + 1 < n && (words[w + 6] & 255) === K.SPAWNED) break;
            const task = this.taskOf(rt, aLo + (aHi & 0xffff) * 4294967296);
            if (aHi >>> 16) task.place = texts(i, (aHi >>> 16) - 1) || task.place;
            touch(task, time);
            named = [task];
            unions.push({ event: i, to: null });
            break;
          }
          case K.REGISTERED: {
            let fd = this.fdOf(rt, aLo, aHi);
            if (!Number.isNaN(fd.gone)) fd = this.fdOf(rt, aLo, aHi, true);
            // What was tried before it was registered belongs to it, too.
            const before = rt.unregistered.get(bLo);
            if (before) {
              rt.unregistered.delete(bLo);
              if (fd.count === 0) {
                Object.assign(before, { lo: aLo, hi: aHi });
                rt.fdByKey.set(aLo, aHi, before);
                fd.isUnused = true;
                fd = before;
              }
            }
            Object.assign(fd, { fd: bLo | 0, kind: bHi & 255, registered: time });
            touch(fd, time);
            fd.count++;
            fdEvents.push(fd.index, i);
            named = [fd];
            break;
          }
          case K.REPORTED: case K.TRIED: case K.GIVEN_UP: {
            const fd = kind === K.TRIED && !aLo && !aHi ? this.unregistered(rt, bHi, i) : this.fdOf(rt, aLo, aHi);
            touch(fd, time);
            fd.count++;
            fdEvents.push(fd.index, i);
            if (kind === K.REPORTED) fd.reports++;
            else if (kind === K.GIVEN_UP) {
              fd.gone = time;
              if (fd.fd < 0) fd.fd = bLo | 0;
            } else {
              fd.tries++;
              if (bLo >>> 16 === 2) fd.nothing++;
              if (bLo >>> 16 === 3) fd.failed++;
            }
            break;
          }
          case K.TIMER_SET: {
            const timer = { index: m.timers.length, rt: index, set: i, time, deadline: rt.relative(bLo, bHi), fired: -1, dropped: -1 };
            timerByKey.set(aLo, aHi, timer);
            m.timers.push(timer);
            break;
          }
          case K.TIMER_FIRED: {
            let timer = timerByKey.get(aLo, aHi);
            // The key 0 is that of a timer, or of none.
            if (timer && !aLo && !aHi && timer.deadline !== rt.relative(bLo, bHi)) timer = null;
            if (!timer || timer.fired >= 0) {
              timer = { index: m.timers.length, rt: index, set: -1, time: NaN, deadline: rt.relative(bLo, bHi), fired: -1, dropped: -1 };
              timerByKey.set(aLo, aHi, timer);
              m.timers.push(timer);
            }
            timer.fired = i;
            if (bLo || bHi) timer.deadline = rt.relative(bLo, bHi);
            break;
          }
          case K.TIMER_DROPPED: {
            const timer = timerByKey.get(aLo, aHi);
            if (timer && timer.fired < 0) timer.dropped = i;
            break;
          }
          case K.CALL_RAN: m.calls.push({ rt: index, event: i, id: aLo + aHi * 4294967296, took: bLo + bHi * 4294967296 }); break;
          case K.CALLED: rt.called.push(i); break;
          case K.ENTERED: rt.entered++; break;
          case K.END: if (aLo === 2) rt.ended = time; break;
        }
        lastPlain = i;
      }
      if (named) this.name(rt, named);
      rt.pollsEnd = this.count;
      rt.unions = unions;
      rt.fdEvents = fdEvents;
      this.spans(rt, looked, turned);
      this.unseen(rt);
    }

    // Events are missing here. The poll that a wake has brought about may be among them, so a later one has another wake.
    interrupt(task) {
      Object.assign(task, { pendingWake: -1, laterWake: -1, lastEnd: -Infinity, isInterrupted: true });
    }

    name(rt, [it, ...parts]) {
      if (!parts.length) return;
      const bytes = new Uint8Array(parts.length * 16), data = new DataView(bytes.buffer);
      parts.forEach((i, part) => {
        for (let k = 0; k < 4; k++) data.setUint32(part * 16 + k * 4, rt.words[i * 6 + 2 + k], true);
      });
      let end = bytes.length;
      while (end > 0 && bytes[end - 1] === 0) end--;
      const text = new TextDecoder().decode(bytes.subarray(0, end));
      if (it instanceof Task) it.name = text;
      else it.peer = text;
    }

    poll(rt, i, floor, touch) {
      const { m } = this, { words, t } = rt, w = i * 6, p = this.count++;
      const task = this.taskOf(rt, words[w + 2] + (words[w + 3] & 0xffff) * 4294967296);
      let start = Math.min(t[i], Math.max(t[i] - (words[w + 4] + words[w + 5] * 4294967296), floor));
      // It began at the time of an event. Times and lengths are rounded each on its own, so the difference may be one too many.
      const before = t[Lens.search(t, start - 1, 0, i)];
      if (before < start) start = before;
      m.start[p] = start;
      m.end[p] = t[i];
      m.task[p] = task.index;
      m.rtOf[p] = rt.index;
      m.event[p] = i;
      m.result[p] = words[w + 3] >>> 16;
      this.own(rt, i, p, task);
      const isFirst = task.polls === 0 && task.pendingWake < 0 && !task.isInterrupted;
      const by = isFirst ? task.spawnEvent : task.pendingWake;
      if (by >= 0 && (t[by] <= start ? rt.owner[by] !== p : this.isWake(words, by, task))) {
        m.wake[p] = by;
        // A task that has woken itself waits from the end of that poll on.
        m.wait[p] = Math.max(0, start - Math.max(t[by], task.lastEnd));
        task.pendingWake = task.laterWake;
        task.laterWake = -1;
      }
      task.lastEnd = t[i];
      const took = t[i] - start;
      task.busy += took;
      task.wait += m.wait[p];
      task.polls++;
      if (task.slowest < 0 || took > m.end[task.slowest] - m.start[task.slowest]) task.slowest = p;
      if (m.wake[p] >= 0 && (task.longest < 0 || m.wait[p] > m.wait[task.longest])) task.longest = p;
      if (m.slowest < 0 || took > m.end[m.slowest] - m.start[m.slowest]) m.slowest = p;
      if (m.wake[p] >= 0 && (m.longest < 0 || m.wait[p] > m.wait[m.longest])) m.longest = p;
      touch(task, start);
      touch(task, t[i]);
    }

    // Whether an event is the wake that a poll has come from, and not one that came during the poll, for the next one. The times
    // alone do not say: the clock is read once where one poll ends and the next begins, and what is cancelled, or ends, wakes
    // those who join it after that.
    isWake(words, event, task) {
      if (event !== task.pendingWake) return false;
      const w = event * 6, cause = words[w + 4] & 255;
      return cause !== CAUSE.OUTSIDE && !(cause === CAUSE.TASK && Lens.causeWhich(words, w) === task.id);
    }

    // Sleeps and turns as arrays, with sums, so that any stretch of time is summed up by two searches.
    spans(rt, looked, turned) {
      const { words, t } = rt;
      const long = (w) => words[w] + words[w + 1] * 4294967296;
      const make = (events, keep) => {
        const chosen = events.filter(keep);
        const spans = { start: new Float64Array(chosen.length), end: new Float64Array(chosen.length), sum: new Float64Array(chosen.length + 1), event: Int32Array.from(chosen) };
        chosen.forEach((i, at) => {
          const before = at ? spans.end[at - 1] : Math.min(t[0], t[i]) - 3.6e12;
          spans.end[at] = t[i];
          spans.start[at] = Math.max(before, t[i] - long(i * 6 + 2));
          spans.sum[at + 1] = spans.sum[at] + spans.end[at] - spans.start[at];
        });
        return spans;
      };
      rt.looks = Int32Array.from(looked);
      rt.sleeps = make(looked, (i) => words[i * 6 + 5] & 1);
      rt.turns = make(turned, () => true);
    }

    // A descriptor that is in no epoll (yet) is known by its number alone.
    unregistered(rt, number, event) {
      let fd = rt.unregistered.get(number);
      if (!fd) {
        fd = this.newFd(rt, 0, 0);
        fd.fd = number | 0;
        rt.unregistered.set(number, fd);
      }
      rt.fdOfEvent.set(event, fd);
      return fd;
    }

    // Tasks and descriptors of which events that are gone have told.
    alive(rt) {
      rt.fdOfEvent = new Map();
      for (const { tasks, sources } of rt.lists) {
        for (const live of tasks) {
          const task = this.taskOf(rt, live.id);
          task.name ||= live.name;
          task.place ||= live.place;
          task.spawned = rt.relativeBig(live.since);
        }
        for (const live of sources) {
          const fd = this.fdOf(rt, live.lo, live.hi);
          Object.assign(fd, { fd: live.fd, kind: live.kind, peer: live.peer });
        }
      }
    }

    // What no event is about.
    unseen(rt) {
      const begin = rt.n ? rt.t[0] : 0;
      for (const it of [...rt.taskById.values(), ...rt.fdByKey.values()]) if (it.first === Infinity) it.first = it.last = begin;
    }
  }

  Lens.Builder = Builder;
  Lens.causeWhich = (words, w) => (words[w + 4] >>> 8) + (words[w + 5] & 0xffffff) * 16777216;

  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
