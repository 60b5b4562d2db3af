// What connects the parts of a model: the polls of each task, who wakes whom, what a poll did, why it ran, and whom it
// kept waiting.
'use strict';
(function (Lens) {
  const { K, CAUSE } = Lens;

  /** Makes the model of a recording. */
  Lens.model = function (recording) {
    const builder = new Lens.Builder(recording);
    recording.runtimes.forEach((rt, index) => builder.runtime(rt, index));
    const { m } = builder;
    Object.setPrototypeOf(m, Model.prototype);
    m.unite();
    m.sortPolls();
    m.sortFds();
    m.connect();
    Lens.threadsOf(m);
    m.bounds();
    return m;
  };

  // The lower 56 bits of the key that a cause names, in halves.
  const causeKey = (words, w) => [(words[w + 4] >>> 8 | words[w + 5] << 24) >>> 0, words[w + 5] >>> 8];

  const root = (task) => {
    while (task.root) task = task.root;
    return task;
  };

  /** The first index in `array` from `from` to `to` whose value is not less than `value`. */
  const search = Lens.search = function (array, value, from, to) {
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (array[middle] < value) from = middle + 1;
      else to = middle;
    }
    return from;
  };

  class Model {
    // A task that goes from worker to worker has a number on each. Here it becomes one task again.
    unite() {
      const byNumber = new Map(this.rts.map((rt) => [`${rt.process}.${rt.runtime}`, rt]));
      for (const rt of this.rts) {
        for (const { event, to } of rt.unions) {
          const w = event * 6, id = rt.words[w + 2] + (rt.words[w + 3] & 0xffff) * 4294967296;
          // The number is that of a runtime, or that of a worker. The id is unique in the process.
          const number = rt.words[w + 4], numbered = byNumber.get(`${rt.process}.${number}`);
          const isOther = (it) => it.process === rt.process && it !== rt && it.taskById.has(id);
          const from = numbered && isOther(numbered) ? numbered : this.rts.find((it) => it.worker === number && isOther(it)) ?? this.rts.find(isOther);
          const there = from?.taskById.get(id), here = to ?? rt.taskById.get(id);
          if (!there || !here) continue;
          const [a, b] = [root(there), root(here)];
          if (a === b) continue;
          const [first, second] = Number.isNaN(a.spawned) && !Number.isNaN(b.spawned) || a.first > b.first && a.spawnEvent < 0 ? [b, a] : [a, b];
          second.root = first;
          first.name ||= second.name;
          first.place ||= second.place;
          for (const sum of ['busy', 'wait', 'polls']) first[sum] += second[sum];
          first.moves = Math.max(1, first.moves + second.moves);
          if (first.spawnEvent < 0 && second.spawnEvent >= 0) Object.assign(first, { spawnEvent: second.spawnEvent, spawned: second.spawned, spawner: second.spawner, rt: second.rt });
          if (first.how === 3 || first.how < 0 || second.how !== 3 && second.how >= 0) Object.assign(first, { how: second.how, ended: second.ended });
          first.first = Math.min(first.first, second.first);
          first.last = Math.max(first.last, second.last);
          if (second.state >= 0) first.state = second.state;
        }
      }
      for (const task of this.tasks) {
        if (task.how === 3) {
          task.how = -1;
          task.ended = NaN;
        }
      }
      this.taskList = this.tasks.filter((task) => !task.root);
      if (this.taskList.length < this.tasks.length) {
        for (let p = 0; p < this.polls; p++) this.task[p] = root(this.tasks[this.task[p]]).index;
      }
    }

    /** The task that `id` names in a runtime. */
    taskIn(rt, id) {
      const task = rt.taskById.get(id);
      return task && root(task);
    }

    // The polls of each task, one behind the other, and sums of how long they took.
    sortPolls() {
      const { polls, tasks, start, end, wait } = this;
      let at = 0;
      for (const task of this.taskList) {
        task.from = at;
        at += task.polls;
      }
      const next = new Int32Array(tasks.length);
      this.byTask = new Int32Array(polls);
      this.position = new Int32Array(polls);
      for (const task of this.taskList) next[task.index] = task.from;
      for (let p = 0; p < polls; p++) this.byTask[next[this.task[p]]++] = p;
      for (const task of this.taskList) {
        if (task.moves) this.byTask.subarray(task.from, task.from + task.polls).sort((a, b) => start[a] - start[b]);
      }
      this.taskEnd = new Float64Array(polls);
      this.taskSum = new Float64Array(polls + 1);
      this.sum = new Float64Array(polls + 1);
      for (let i = 0; i < polls; i++) {
        const p = this.byTask[i];
        this.position[p] = i;
        this.taskEnd[i] = end[p];
        this.taskSum[i + 1] = this.taskSum[i] + end[p] - start[p];
        this.sum[i + 1] = this.sum[i] + end[i] - start[i];
      }
      for (const task of this.taskList) {
        task.slowest = task.longest = -1;
        for (let i = task.from; i < task.from + task.polls; i++) {
          const p = this.byTask[i];
          if (task.slowest < 0 || end[p] - start[p] > end[task.slowest] - start[task.slowest]) task.slowest = p;
          if (this.wake[p] >= 0 && (task.longest < 0 || wait[p] > wait[task.longest])) task.longest = p;
        }
      }
      // With polls within polls a later one may have begun earlier.
      this.earliest = new Float64Array(polls);
      for (const rt of this.rts) {
        let least = Infinity;
        for (let p = rt.pollsEnd - 1; p >= rt.firstPoll; p--) this.earliest[p] = least = Math.min(least, start[p]);
      }
    }

    sortFds() {
      const total = this.rts.reduce((sum, rt) => sum + rt.fdEvents.length / 2, 0);
      this.fdEvent = new Int32Array(total);
      this.fdTime = new Float64Array(total);
      // A descriptor that turned out to be an earlier one is no lane.
      this.fdList = this.fds.filter((fd) => !fd.isUnused);
      let at = 0;
      const next = new Int32Array(this.fds.length);
      for (const fd of this.fds) {
        fd.from = next[fd.index] = at;
        at += fd.count;
      }
      for (const rt of this.rts) {
        for (let i = 0; i < rt.fdEvents.length; i += 2) {
          const to = next[rt.fdEvents[i]]++;
          this.fdEvent[to] = rt.fdEvents[i + 1];
          this.fdTime[to] = rt.t[rt.fdEvents[i + 1]];
        }
        rt.fdEvents = null;
      }
    }

    // Who wakes whom, how often. A node is its cause and, for tasks and descriptors, the index.
    connect() {
      for (const rt of this.rts) {
        const { words, n } = rt;
        for (let i = 0, w = 0; i < n; i++, w += 6) {
          if ((words[w] & 255) !== K.WOKEN) continue;
          const to = this.taskIn(rt, words[w + 2] + (words[w + 3] & 0xffff) * 4294967296);
          let cause = words[w + 4] & 255, index = 0;
          if (cause === CAUSE.OUTSIDE && rt.owner[i] >= 0) cause = CAUSE.TASK;
          // The future of `block_on` wakes as code outside of tasks, but within a poll of its own.
          if (rt.owner[i] >= 0 && (cause === CAUSE.TASK || cause === CAUSE.BEGINS)) index = this.task[rt.owner[i]] + 1;
          else if (cause === CAUSE.TASK || cause === CAUSE.JOINED || cause === CAUSE.BEGINS) index = (this.taskIn(rt, Lens.causeWhich(words, w))?.index ?? -1) + 1;
          else if (cause === CAUSE.REPORT) index = (this.fdOfCause(rt, words, w)?.index ?? -1) + 1;
          const key = (index * 16 + Math.min(cause, 15)) * 2097152 + (to.index & 2097151);
          const edge = this.wakes.get(key);
          if (edge) edge.count++;
          else this.wakes.set(key, { cause, from: index - 1, to: to.index, rt: rt.index, count: 1, event: i });
        }
      }
      for (const task of this.taskList) {
        const rt = this.rts[task.rt];
        if (task.spawnEvent >= 0) {
          task.spawnPoll = rt.owner[task.spawnEvent];
          if (task.spawner >= 0) task.spawner = root(this.tasks[task.spawner]).index;
          else if (task.spawnPoll >= 0) task.spawner = this.task[task.spawnPoll];
        }
      }
    }

    bounds() {
      let from = Infinity, to = -Infinity;
      for (const rt of this.rts) {
        if (!rt.n) continue;
        from = Math.min(from, rt.t[0], rt.pollsEnd > rt.firstPoll ? this.earliest[rt.firstPoll] : Infinity, rt.sleeps.start[0] ?? Infinity, ...rt.threads.map((thread) => thread.start[0]));
        to = Math.max(to, rt.t[rt.n - 1]);
      }
      this.from = Number.isFinite(from) ? from : 0;
      this.to = Math.max(Number.isFinite(to) ? to : 0, this.from + 1);
      // The time that is called 0.
      this.zero = this.from;
    }

    fdOfCause(rt, words, w) {
      return rt.fdByKey.get(...causeKey(words, w));
    }

    fdAt(rt, i) {
      return rt.fdOfEvent.get(i) ?? rt.fdByKey.get(rt.words[i * 6 + 2], rt.words[i * 6 + 3]);
    }

    /** Why a poll ran: the event of its wake, and what is known of who woke. */
    causeOf(p) {
      const rt = this.rts[this.rtOf[p]], event = this.wake[p];
      if (event < 0) return { kind: CAUSE.UNKNOWN, event: -1, poll: -1, time: NaN, at: NaN };
      const { words, t } = rt, w = event * 6, kind = words[w + 4] & 255, id = Lens.causeWhich(words, w);
      const isSpawn = (words[w] & 255) === K.SPAWNED;
      const cause = { kind: isSpawn ? CAUSE.BEGINS : kind, event, time: t[event], at: t[event], poll: rt.owner[event], id };
      if (cause.kind === CAUSE.OUTSIDE && cause.poll >= 0) cause.kind = CAUSE.TASK;
      if (cause.kind === CAUSE.TASK || cause.kind === CAUSE.BEGINS || cause.kind === CAUSE.JOINED) {
        cause.task = cause.poll >= 0 ? this.tasks[this.task[cause.poll]] : id ? this.taskIn(rt, id) : undefined;
        if (cause.kind === CAUSE.JOINED) cause.task = this.taskIn(rt, id);
        if (cause.kind === CAUSE.JOINED && cause.task) cause.poll = this.pollBefore(cause.task, t[event]);
        if (cause.kind === CAUSE.BEGINS && isSpawn && kind !== CAUSE.TASK && cause.poll < 0) cause.task = undefined;
      } else if (kind === CAUSE.REPORT) {
        cause.fd = this.fdOfCause(rt, words, w);
        cause.report = cause.fd ? this.reportBefore(rt, cause.fd, event) : -1;
        if (cause.report >= 0) cause.at = t[cause.report];
      } else if (kind === CAUSE.TIMER) {
        cause.timer = this.timerBefore(rt, event);
        if (cause.timer?.set >= 0) cause.poll = rt.owner[cause.timer.set];
      } else if (kind === CAUSE.MESSAGE) {
        let before = event - 1;
        while (before > 0 && (words[before * 6] & 255) === K.TEXT) before--;
        const b = before * 6;
        if (before >= 0 && (words[b] & 255) === K.ARRIVED && words[b + 2] === words[w + 2]) {
          const task = this.tasks[this.task[p]];
          Object.assign(cause, { arrived: words[b + 4], poll: this.position[p] > task.from ? this.byTask[this.position[p] - 1] : -1 });
        }
      } else if (kind === CAUSE.CALL) {
        cause.call = this.calls.findLast?.((call) => call.rt === rt.index && call.id === id && call.event <= event);
      }
      return cause;
    }

    pollBefore(task, time) {
      const at = search(this.taskEnd, time + 1e-9, task.from, task.from + task.polls) - 1;
      return at >= task.from ? this.byTask[at] : -1;
    }

    reportBefore(rt, fd, event) {
      for (let i = event - 1; i >= 0 && event - i < 5000; i--) {
        const kind = rt.words[i * 6] & 255;
        if (kind === K.LOOKED) break;
        if (kind === K.REPORTED && this.fdAt(rt, i) === fd) return i;
      }
      return -1;
    }

    timerBefore(rt, event) {
      if (!this.timerByFired) {
        this.timerByFired = new Map();
        for (const timer of this.timers) if (timer.fired >= 0) this.timerByFired.set(timer.rt * 4294967296 + timer.fired, timer);
      }
      const [lo, hi] = causeKey(rt.words, event * 6);
      let nearest;
      for (let i = event - 1; i >= 0 && event - i < 5000; i--) {
        const w = i * 6, kind = rt.words[w] & 255;
        if (kind === K.LOOKED) break;
        if (kind !== K.TIMER_FIRED) continue;
        const timer = this.timerByFired.get(rt.index * 4294967296 + i);
        if (rt.words[w + 2] === lo && (rt.words[w + 3] & 0xffffff) === hi) return timer;
        nearest ??= timer;
      }
      return nearest;
    }

    /** The causes of a poll, one behind the other: what woke it, what had woken that, and so on. */
    chain(p, limit = 8) {
      const links = [];
      for (const seen = new Set(); p >= 0 && links.length < limit && !seen.has(p);) {
        seen.add(p);
        const cause = this.causeOf(p);
        links.push({ poll: p, cause });
        p = cause.poll;
      }
      return links;
    }

    /** The events that the code of a poll has written. */
    during(p) {
      const rt = this.rts[this.rtOf[p]], events = [];
      for (let i = this.firstEvent[p]; i < this.event[p]; i++) if (rt.owner[i] === p) events.push(i);
      return events;
    }

    /** Polls that ran on the same thread while this one was in the queue: their number, and the longest of them. */
    ahead(p, most = 3) {
      const rt = this.rts[this.rtOf[p]], from = this.start[p] - this.wait[p], list = [];
      let count = 0, sum = 0;
      for (let q = search(this.end, from, rt.firstPoll, rt.pollsEnd); q < rt.pollsEnd && this.end[q] <= this.start[p]; q++) {
        if (q === p || this.end[q] <= from) continue;
        count++;
        const took = this.end[q] - Math.max(from, this.start[q]);
        sum += took;
        list.push([took, q]);
        if (list.length > 2000) list.sort((a, b) => b[0] - a[0]).length = most;
      }
      list.sort((a, b) => b[0] - a[0]);
      return { count, sum, longest: list.slice(0, most).map(([, q]) => q) };
    }

    /** Tasks that were in the queue during a poll: their number, and how long they waited meanwhile in sum. */
    behind(p) {
      const rt = this.rts[this.rtOf[p]], from = this.start[p], to = this.end[p];
      let count = 0, sum = 0;
      for (let q = p + 1, looked = 0; q < rt.pollsEnd && looked < 5000; q++, looked++) {
        if (this.wake[q] < 0) continue;
        const woken = this.start[q] - this.wait[q];
        if (woken >= to) {
          // The queue is first in, first out: whoever comes now was woken later, too.
          if (this.start[q] > to) break;
          continue;
        }
        count++;
        sum += to - Math.max(from, woken);
      }
      return { count, sum };
    }

    /** The longest polls, the longest first. */
    longestPolls(most = 200) {
      const { start, end, polls } = this;
      let least = 0, list = [];
      for (let p = 0; p < polls; p++) {
        const took = end[p] - start[p];
        if (took < least) continue;
        list.push(p);
        if (list.length >= most * 8) {
          list.sort((a, b) => end[b] - start[b] - end[a] + start[a]).length = most;
          least = end[list[most - 1]] - start[list[most - 1]];
        }
      }
      list.sort((a, b) => end[b] - start[b] - end[a] + start[a]);
      return list.slice(0, most);
    }

    /** The runtime of a process that has a number, in words. */
    otherRuntime(rt, number) {
      return Lens.visible(this.rts.find((it) => it.process === rt.process && it.runtime === String(number))?.label ?? `worker ${number}`);
    }

    eventNumber(rt, i) {
      const segment = rt.segments.findLast?.((it) => it.start <= i) ?? rt.segments[0];
      return segment.first + i - segment.start;
    }

    eventOfNumber(rt, number) {
      for (const segment of rt.segments) {
        const i = number - segment.first + segment.start;
        if (i >= segment.start && i < rt.n && this.eventNumber(rt, i) === number) return i;
      }
      return -1;
    }
  }

  if (typeof module !== 'undefined') module.exports = Lens;
})(globalThis.Lens ??= {});
