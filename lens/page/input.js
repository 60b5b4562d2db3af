// What pointers and keys do on the timeline.
'use strict';
(function (Lens) {
  const { K, LANE, search, duration } = Lens;
  const AXIS = 28;

  class Input {
    constructor(app, timeline) {
      Object.assign(this, { app, timeline, pointers: new Map(), moved: 0, pinch: null });
      const { canvas } = timeline;
      canvas.addEventListener('pointerdown', (event) => this.down(event));
      canvas.addEventListener('pointermove', (event) => this.move(event));
      canvas.addEventListener('pointerup', (event) => this.up(event));
      canvas.addEventListener('pointercancel', (event) => this.pointers.delete(event.pointerId));
      canvas.addEventListener('pointerleave', () => this.tip(null));
      canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
      canvas.addEventListener('keydown', (event) => this.key(event));
      canvas.addEventListener('focus', () => timeline.invalidate());
      canvas.addEventListener('blur', () => timeline.invalidate());
      this.overview();
    }

    at(event) {
      const box = this.timeline.canvas.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    }

    down(event) {
      if (event.button !== 0) return;
      this.timeline.canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.at(event));
      if (this.pointers.size === 1) this.moved = 0;
      else this.moved = 100;
      this.pinch = null;
    }

    move(event) {
      const before = this.pointers.get(event.pointerId), now = this.at(event);
      if (!before) {
        if (event.pointerType === 'mouse') this.tip(now);
        return;
      }
      const { app, timeline } = this;
      this.pointers.set(event.pointerId, now);
      if (this.pointers.size === 1) {
        this.moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
        if (this.moved < 5) return;
        const by = (before.x - now.x) / timeline.scale;
        if (before.x >= timeline.left && now.x !== before.x) app.setWindow(app.t0 + by, app.t1 + by);
        timeline.scroller.scrollTop += before.y - now.y;
        this.tip(null);
        return;
      }
      const [a, b] = [...this.pointers.values()], apart = Math.max(20, Math.abs(a.x - b.x)), middle = (a.x + b.x) / 2;
      if (this.pinch) {
        const by = (this.pinch.middle - middle) / timeline.scale;
        app.setWindow(app.t0 + by, app.t1 + by);
        app.zoom(this.pinch.apart / apart, timeline.timeAt(middle));
      }
      this.pinch = { apart, middle };
    }

    up(event) {
      const at = this.pointers.get(event.pointerId);
      this.pointers.delete(event.pointerId);
      this.pinch = null;
      if (!at || this.moved >= 5) return;
      const hit = this.hit(at.x, at.y, event.pointerType === 'touch' ? 12 : 5);
      if (!hit) return;
      this.timeline.focus = hit.lane;
      this.app.select(hit.poll >= 0 ? { poll: hit.poll } : hit.call >= 0 ? { thread: hit.lane >> 2, call: hit.call } : this.selectionOf(hit.lane), { reveal: false });
      // A poll in the lane of its runtime is shown in the lane of its task, too.
      if (hit.poll >= 0) this.reveal(this.app.lane);
    }

    selectionOf(lane) {
      const kind = lane & 3, index = lane >> 2;
      return kind === LANE.THREAD ? { thread: index } : kind === LANE.TASK ? { task: index } : kind === LANE.FD ? { fd: index } : { rt: index };
    }

    laneAt(y) {
      const { timeline } = this, { lanes } = timeline, top = timeline.top();
      if (y < AXIS) return -1;
      if (y < top) return lanes.pinned[Math.floor((y - AXIS) / 48)];
      return lanes.list[lanes.placeAt(y - top + timeline.scroller.scrollTop)] ?? -1;
    }

    /** What is at a point: the lane, and the poll, event or sleep, if there is one within `reach` pixels. */
    hit(x, y, reach) {
      const { timeline } = this, m = timeline.m, lane = this.laneAt(y);
      if (lane === undefined || lane < 0) return null;
      const hit = { lane, poll: -1 }, index = lane >> 2, kind = lane & 3, { scale } = timeline;
      if (x < timeline.left) return hit;
      const time = timeline.timeAt(x), near = reach / scale;
      const nearest = (ends, from, to, pollOf) => {
        let best = -1, least = near, i = search(ends, time - near, from, to);
        for (let looked = 0; i < to && looked < 400; i++, looked++) {
          const p = pollOf(i), away = time < m.start[p] ? m.start[p] - time : time > m.end[p] ? time - m.end[p] : 0;
          if (m.earliest[p] > time + near) break;
          if (away < least || (away === 0 && best < 0)) [best, least] = [p, away];
          if (away === 0) break;
        }
        return best;
      };
      if (kind === LANE.THREAD) hit.call = this.callAt(m.threads[index], time, near);
      else if (kind === LANE.TASK) {
        const task = m.tasks[index];
        hit.poll = nearest(m.taskEnd, task.from, task.from + task.polls, (i) => m.byTask[i]);
        if (hit.poll < 0) {
          // A wait in the queue belongs to the poll that follows.
          const i = search(m.taskEnd, time, task.from, task.from + task.polls), p = m.byTask[i];
          if (i < task.from + task.polls && m.wake[p] >= 0 && m.start[p] - m.wait[p] <= time + near) hit.poll = p;
        }
      } else if (kind === LANE.FD) {
        const fd = m.fds[index], rt = m.rts[fd.rt];
        const i = search(m.fdTime, time - near, fd.from, fd.from + fd.count);
        let best = -1, least = near;
        for (let k = i; k < fd.from + fd.count && m.fdTime[k] <= time + near && k < i + 400; k++) {
          if (Math.abs(m.fdTime[k] - time) < least) [best, least] = [k, Math.abs(m.fdTime[k] - time)];
        }
        if (best >= 0) {
          hit.event = m.fdEvent[best];
          hit.poll = rt.owner[hit.event];
          if (hit.poll < 0 && (rt.words[hit.event * 6] & 255) === K.REPORTED) hit.poll = this.wokenBy(rt, hit.event);
        }
      } else {
        const rt = m.rts[index], { lanes } = timeline;
        const top = lanes.pinned.length ? AXIS + lanes.pinned.indexOf(lane) * 48 : timeline.top() + lanes.topOf(lanes.placeOf(lane)) - timeline.scroller.scrollTop;
        if (y - top > 20) hit.poll = nearest(m.end, rt.firstPoll, rt.pollsEnd, (p) => p);
        else {
          const i = search(rt.sleeps.end, time, 0, rt.sleeps.end.length), k = search(rt.turns.end, time, 0, rt.turns.end.length);
          if (i < rt.sleeps.end.length && rt.sleeps.start[i] <= time) hit.sleep = rt.sleeps.end[i] - rt.sleeps.start[i];
          else if (k < rt.turns.end.length && rt.turns.start[k] <= time) hit.turn = rt.turns.end[k] - rt.turns.start[k];
        }
      }
      return hit;
    }

    // The call of a thread at a time, or the nearest one.
    callAt(thread, time, near) {
      const i = search(thread.end, time, 0, thread.n);
      const away = (k) => (k < 0 || k >= thread.n ? Infinity : Math.max(0, thread.start[k] - time, time - thread.end[k]));
      const best = away(i) <= away(i - 1) ? i : i - 1;
      return away(best) <= near ? best : -1;
    }

    // The poll that a report has brought about.
    wokenBy(rt, report) {
      const m = this.timeline.m;
      for (let i = report + 1; i < rt.n && i < report + 8; i++) {
        const kind = rt.words[i * 6] & 255;
        if (kind === K.REPORTED) break;
        if (kind !== K.WOKEN) continue;
        const task = m.taskIn(rt, Lens.describe.idOf(rt, i));
        const at = search(m.taskEnd, rt.t[i], task.from, task.from + task.polls);
        return at < task.from + task.polls ? m.byTask[at] : -1;
      }
      return -1;
    }

    tip(at) {
      const tip = document.getElementById('tip'), { timeline } = this, m = timeline.m;
      const hit = at && this.hit(at.x, at.y, 4);
      let text = '';
      if (hit?.poll >= 0) {
        const p = hit.poll;
        text = `${Lens.describe.taskName(m.tasks[m.task[p]])}\npoll of ${duration(m.end[p] - m.start[p])}${m.wake[p] >= 0 ? `, after ${duration(m.wait[p])} in the queue` : ''}\n${Lens.describe.plain(Lens.describe.cause(m, p))}`;
      } else if (hit?.call >= 0) text = Lens.calls.inWords(m, m.threads[hit.lane >> 2], hit.call);
      else if (hit?.sleep) text = `The loop sleeps in epoll for ${duration(hit.sleep)}.`;
      else if (hit?.turn) text = `A turn of the loop: ${duration(hit.turn)}.`;
      else if (hit && at.x < timeline.left) text = timeline.lanes.title(hit.lane);
      tip.hidden = !text;
      if (!text) return;
      tip.textContent = text;
      tip.style.left = `${Math.max(4, Math.min(at.x + 14, timeline.width - 270))}px`;
      const below = at.y + 18, height = tip.offsetHeight;
      tip.style.top = `${below + height > timeline.height ? at.y - height - 8 : below}px`;
    }

    wheel(event) {
      event.preventDefault();
      const { app, timeline } = this, { x } = this.at(event);
      const unit = event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? 300 : 1, dy = event.deltaY * unit, dx = event.deltaX * unit;
      if (x < timeline.left && !event.ctrlKey) timeline.scroller.scrollTop += dy;
      else if (event.shiftKey || Math.abs(dx) > Math.abs(dy)) {
        const by = (dx || dy) / timeline.scale;
        app.setWindow(app.t0 + by, app.t1 + by);
      } else app.zoom(Math.exp(Math.max(-200, Math.min(200, dy)) * .0022), timeline.timeAt(x));
    }

    key(event) {
      const { app, timeline } = this, { lanes } = timeline, span = app.t1 - app.t0, m = timeline.m;
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const all = lanes.pinned.length + lanes.list.length;
      const laneOf = (at) => (at < lanes.pinned.length ? lanes.pinned[at] : lanes.list[at - lanes.pinned.length]);
      const place = timeline.focus < 0 ? -1 : lanes.placeOf(timeline.focus);
      const at = place === -1 ? -1 : place < -1 ? -2 - place : place + lanes.pinned.length;
      const focus = (to) => {
        timeline.focus = laneOf(Math.max(0, Math.min(all - 1, to)));
        this.reveal(timeline.focus);
        app.say(this.laneInWords(timeline.focus));
        timeline.invalidate();
      };
      switch (event.key) {
        case 'ArrowLeft': app.setWindow(app.t0 - span * .15, app.t1 - span * .15); break;
        case 'ArrowRight': app.setWindow(app.t0 + span * .15, app.t1 + span * .15); break;
        case 'ArrowUp': focus(at - 1); break;
        case 'ArrowDown': focus(at + 1); break;
        case 'PageUp': focus(at - 12); break;
        case 'PageDown': focus(at + 12); break;
        case '+': case '=': app.zoom(1 / 1.5, (app.t0 + app.t1) / 2); break;
        case '-': case '_': app.zoom(1.5, (app.t0 + app.t1) / 2); break;
        case '0': app.fit(); break;
        case 'Home': app.setWindow(m.from, m.from + span); break;
        case 'End': app.setWindow(m.to - span, m.to); break;
        case 'Tab':
          if (event.shiftKey ? at <= 0 : at >= all - 1) return;
          focus(event.shiftKey ? at - 1 : at + 1);
          break;
        case 'Enter': this.enter(); break;
        case 'n': app.toPoll(1); break;
        case 'p': app.toPoll(-1); break;
        case 'w': app.toWaker(); break;
        case 'Escape': document.getElementById('panel').focus(); break;
        default: return;
      }
      event.preventDefault();
    }

    // Selects in the lane that has the focus: the first poll in the window, or the next one after the selection.
    enter() {
      const { app, timeline } = this, m = timeline.m, lane = timeline.focus;
      if (lane < 0) return;
      const index = lane >> 2, kind = lane & 3;
      const pick = (ends, from, to, pollOf) => {
        const isHere = app.poll >= 0 && app.lane === lane && m.end[app.poll] >= app.t0 && m.end[app.poll] < app.t1;
        let i = search(ends, app.t0, from, to);
        if (isHere) i = search(ends, m.end[app.poll] + 1e-9, from, to);
        return i < to ? pollOf(i) : -1;
      };
      if (kind === LANE.THREAD) {
        const thread = m.threads[index], { selection } = app, isHere = selection?.thread === index && selection.call >= 0;
        let call = isHere && thread.end[selection.call] >= app.t0 ? selection.call + 1 : search(thread.end, app.t0, 0, thread.n);
        if (call >= thread.n) call = thread.n - 1;
        return app.select({ thread: index, call });
      }
      const task = m.tasks[index], rt = m.rts[index];
      const p = kind === LANE.TASK ? pick(m.taskEnd, task.from, task.from + task.polls, (i) => m.byTask[i])
        : kind === LANE.RT ? pick(m.end, rt.firstPoll, rt.pollsEnd, (i) => i) : -1;
      app.select(p >= 0 ? { poll: p } : this.selectionOf(lane));
      if (p >= 0) timeline.focus = lane;
    }

    laneInWords(lane) {
      const { m, lanes } = this.timeline, index = lane >> 2, name = lanes.title(lane);
      if ((lane & 3) === LANE.TASK) return `Task ${name}: ${Lens.describe.plain(Lens.describe.taskSummary(m, m.tasks[index]))}`;
      if ((lane & 3) === LANE.FD) return `${name}: ${Lens.describe.plain(Lens.describe.fdSummary(m, m.fds[index]))}`;
      if ((lane & 3) === LANE.THREAD) return `${name}: ${Lens.count(m.threads[index].n, 'system call')}.`;
      return `${name}: ${Lens.count(m.rts[index].pollsEnd - m.rts[index].firstPoll, 'poll')}.`;
    }

    /** Scrolls so that a lane is in sight. */
    reveal(lane) {
      const { timeline } = this, place = timeline.lanes.placeOf(lane);
      if (place < 0) return;
      const top = timeline.lanes.topOf(place), room = timeline.height - timeline.top() - 30, { scroller } = timeline;
      if (top < scroller.scrollTop) scroller.scrollTop = top - 4;
      else if (top > scroller.scrollTop + room) scroller.scrollTop = top - room * .6;
    }

    // The strip above: a click goes there, a drag moves the window.
    overview() {
      const { app, timeline } = this, strip = timeline.overview;
      const to = (event) => {
        const m = timeline.m, box = strip.getBoundingClientRect(), span = app.t1 - app.t0;
        const time = m.from + (event.clientX - box.left - timeline.left) / (box.width - timeline.left) * (m.to - m.from);
        app.setWindow(time - span / 2, time + span / 2);
      };
      strip.addEventListener('pointerdown', (event) => {
        strip.setPointerCapture(event.pointerId);
        to(event);
      });
      strip.addEventListener('pointermove', (event) => event.buttons && to(event));
      strip.addEventListener('wheel', (event) => {
        event.preventDefault();
        app.zoom(Math.exp(Math.max(-200, Math.min(200, event.deltaY)) * .0022), (app.t0 + app.t1) / 2);
      }, { passive: false });
    }
  }

  Lens.Input = Input;
})(globalThis.Lens ??= {});
