// What is in a lane: turns and sleeps, polls and waits, reports and attempts.
'use strict';
(function (Lens) {
  const { K, search, duration } = Lens;
  const COLUMN = 2;

  // The canvas, the scale and the colours are those of the timeline, which extends this.
  class Drawing {
    // Draws what lies between `from` and `to` of a sorted list. What is wider than a pixel or two is handed to `wide`. The rest
    // is drawn by the column, as high as it is full.
    columns(ends, sum, from, to, startOf, earliest, y, h, colour, wide, dense) {
      const { c, left, width } = this, { t0, t1 } = this.app, { scale } = this;
      let i = search(ends, t0, from, to);
      while (i < to && earliest(i) <= t1) {
        const start = startOf(i), x0 = left + (start - t0) * scale, x1 = left + (ends[i] - t0) * scale;
        if (x1 - x0 >= 1.5) {
          const begin = Math.max(x0, left - 4), end = Math.min(x1, width + 4);
          if (end > begin) wide(i, begin, end - begin);
          i++;
          continue;
        }
        const column = Math.floor(x1 / COLUMN) * COLUMN, edge = t0 + (column + COLUMN - left) / scale;
        let step = 1, j = i + 1;
        while (j < to && ends[j] < edge) {
          j += step;
          step *= 2;
        }
        j = search(ends, edge, i + 1, Math.min(j, to));
        const full = Math.min(1, Math.max(.3, (sum[j] - sum[i]) * scale / COLUMN));
        c.fillStyle = colour;
        c.fillRect(column, y + h * (1 - full), COLUMN, h * full);
        dense?.(i, j);
        i = j;
      }
      return i;
    }

    drawRuntime(rt, y) {
      const { c, colour, m } = this;
      const { sleeps, turns } = rt;
      c.fillStyle = colour.lane;
      c.fillRect(this.left, y + 4, this.width, 15);
      this.columns(turns.end, turns.sum, 0, turns.end.length, (i) => turns.start[i], (i) => turns.start[i], y + 4, 15, colour.turn, (i, x, w) => {
        c.fillStyle = colour.turn;
        c.fillRect(x, y + 4, Math.max(1.5, w), 15);
        c.fillStyle = colour.surface;
        c.fillRect(x, y + 4, .5, 15);
      });
      this.columns(sleeps.end, sleeps.sum, 0, sleeps.end.length, (i) => sleeps.start[i], (i) => sleeps.start[i], y + 4, 15, colour.sleep, (i, x, w) => {
        c.fillStyle = colour.sleep;
        c.fillRect(x, y + 4, w, 15);
        if (w > 60) this.write(`sleeps ${duration(sleeps.end[i] - sleeps.start[i])}`, x, w, y + 12, colour.quiet);
      });
      this.columns(m.end, m.sum, rt.firstPoll, rt.pollsEnd, (p) => m.start[p], (p) => m.earliest[p], y + 23, 21, colour.poll, (p, x, w) => {
        this.poll(p, x, y + 23, w, 21);
        const task = m.tasks[m.task[p]];
        if (w > 40) this.write(w > 90 ? Lens.describe.taskName(task) : `#${task.id}`, x, w, y + 34, colour.surface);
      });
      this.outline();
    }

    // The calls of a thread: bars whose colour says what kind they are, hollow if the call found nothing. Below stands what a
    // wait was given and has brought: a square for each descriptor that was handed over, full for each that is ready.
    drawThread(thread, y) {
      const { c, colour, m, left, width } = this, { t0, t1, selection } = this.app, { scale } = this, { start, end, n } = thread;
      const top = y + 5, h = 22, { callAt, short, WAITS, EAGAIN } = Lens.calls;
      const colours = [colour.sleep, colour.poll, colour.wake, colour.turn];
      const isPicked = selection?.thread === thread.index;
      c.fillStyle = colour.lane;
      c.fillRect(left, top, width, h);
      let i = search(end, t0, 0, n), free = left;
      while (i < n && start[i] <= t1) {
        const x0 = left + (start[i] - t0) * scale, x1 = left + (end[i] - t0) * scale;
        if (x1 - x0 < 1.5 && i + 1 < n && (start[i + 1] - start[i]) * scale < COLUMN) {
          i = this.manyCalls(thread, i, top, h, colours);
          continue;
        }
        const it = callAt(m, thread, i), begin = Math.max(x0, left - 4), w = Math.max(1, Math.min(x1, width + 4) - begin);
        this.call(it, begin, top, w, h, colours[it.kind]);
        if (w > 34) this.write(w > 70 ? short(it) : it.name, begin, w, top + h / 2 + .5, it.kind === WAITS || it.result === EAGAIN ? colour.text : colour.surface);
        if (it.kind === WAITS && it.result >= 0) free = this.squares(it, x1, y + 31, free, i + 1 < n ? left + (end[i + 1] - t0) * scale : width);
        if (isPicked && selection.call === i) this.picked = [begin - 1, top - 1, w + 2, h + 2];
        i++;
      }
      this.outline();
    }

    call(it, x, y, w, h, fill) {
      const { c, colour } = this;
      c.fillStyle = it.result < 0 && it.result !== Lens.calls.EAGAIN ? colour.bad : fill;
      c.fillRect(x, y, Math.max(w - (w > 4 ? .75 : 0), 1), h);
      if (it.result !== Lens.calls.EAGAIN || w < 4) return;
      c.fillStyle = colour.surface;
      c.fillRect(x + 1.5, y + 1.5, w - 3.75, h - 3);
    }

    // What is too narrow to be told from its neighbours: a column, parted by kinds, as high as it is full.
    manyCalls(thread, i, y, h, colours) {
      const { c, left } = this, { scale } = this, { t0 } = this.app, { start, end, sum, event, n } = thread, { words } = this.m.rts[thread.rt];
      const column = Math.floor((left + (end[i] - t0) * scale) / COLUMN) * COLUMN, j = search(end, t0 + (column + COLUMN - left) / scale, i + 1, n);
      const parts = [0, 0, 0, 0];
      for (let k = i; k < j && k < i + 64; k++) parts[Lens.calls.kindOf(words[event[k] * 6 + 3] >>> 16)] += end[k] - start[k] + 1;
      const all = parts.reduce((a, b) => a + b), full = h * Math.min(1, Math.max(.3, (sum[j] - sum[i]) * scale / COLUMN));
      let bottom = y + h;
      parts.forEach((part, kind) => {
        const high = full * part / all;
        c.fillStyle = colours[kind];
        c.fillRect(column, bottom - high, COLUMN, high);
        bottom -= high;
      });
      return j;
    }

    // Draws them below the end of the wait, if there is room, and returns where the next ones may begin.
    squares(it, x, y, free, next) {
      const { c, colour } = this, SIDE = 5, ROWS = 3, MOST = 60;
      const given = it.isList ? Math.max(it.given, it.result) : it.result;
      const columns = Math.ceil(Math.min(given, MOST) / ROWS), wide = columns * (SIDE + 1);
      if (!given || it.call === 128 || it.call === 426 || x < free || wide > Math.max(next - x + 30, 14)) return free;
      for (let k = 0; k < Math.min(given, MOST); k++) {
        const sx = x + Math.floor(k / ROWS) * (SIDE + 1), sy = y + k % ROWS * (SIDE + .5);
        c.strokeStyle = c.fillStyle = colour.report;
        c.lineWidth = 1;
        if (k < it.result) c.fillRect(sx, sy, SIDE - .5, SIDE - .5);
        else c.strokeRect(sx + .5, sy + .5, SIDE - 1.5, SIDE - 1.5);
      }
      return x + wide + 3;
    }

    // For the overview, if there are no polls: how much of each column the threads spend in calls that do not wait.
    addCalls(columns, span) {
      const { m } = this, { kindOf, WAITS } = Lens.calls;
      for (const thread of m.threads) {
        const { words } = m.rts[thread.rt];
        for (let k = 0; k < thread.n; k++) {
          if (kindOf(words[thread.event[k] * 6 + 3] >>> 16) === WAITS) continue;
          const from = (thread.start[k] - m.from) / span * columns, to = (thread.end[k] - m.from) / span * columns;
          for (let at = Math.max(0, Math.floor(from)); at < Math.min(to, columns); at++) {
            this.histogram[at] = Math.min(1, this.histogram[at] + (Math.min(to, at + 1) - Math.max(from, at)) / m.threads.length);
          }
        }
      }
    }

    poll(p, x, y, w, h) {
      const { c, colour, m } = this, result = m.result[p];
      c.fillStyle = result === 2 ? colour.bad : colour.poll;
      c.fillRect(x, y, Math.max(w - (w > 4 ? .75 : 0), 1), h);
      if (p === this.app.poll) this.picked = [x - 1, y - 1, Math.max(w, 2) + 2, h + 2];
    }

    // The outline of the selected poll, when its neighbours are drawn.
    outline() {
      const { c, colour, picked } = this;
      if (!picked) return;
      c.strokeStyle = colour.text;
      c.lineWidth = 2;
      c.strokeRect(...picked);
      this.picked = null;
    }

    write(text, x, w, y, colour) {
      const { c } = this, from = Math.max(x, this.left), room = Math.min(x + w, this.width) - from - 10;
      if (room < 20) return;
      c.fillStyle = colour;
      c.fillText(this.fit(text, Math.floor(room / 8) * 8), from + 5, y);
    }

    // What was done to a host or to the network, for as long as it lasted.
    drawFault(task, begin, to, top, height) {
      const { c, colour, left, width, m } = this, end = Math.min(to, width);
      if (end < left || begin > width) return;
      // At the edge, too, three pixels are to be seen.
      const from = Math.max(left, Math.min(begin, width - 3));
      c.fillStyle = colour.bad;
      c.fillRect(from, top, end - from, height);
      const lasts = Number.isNaN(task.ended) ? m.to - task.spawned : task.ended - task.spawned;
      if (end - from > 60) this.write(duration(lasts), from, end - from, top + height / 2 + .5, colour.surface);
    }

    drawTask(task, y, h) {
      const { c, colour, m, left, width } = this, { t0, t1 } = this.app, top = y + 5, height = h - 10;
      const from = this.x(Number.isNaN(task.spawned) ? m.from : Math.max(task.spawned, m.from)), to = Number.isNaN(task.ended) ? width : this.x(task.ended);
      if (Lens.areFaults(m.rts[task.rt])) {
        this.drawFault(task, from, Math.max(to, from + 3), top, height);
        return;
      }
      c.fillStyle = colour.line;
      if (to > left && from < width) c.fillRect(Math.max(from, left), y + h / 2 - .5, Math.min(to, width) - Math.max(from, left), 1);
      const end = task.from + task.polls, { byTask, taskEnd, taskSum } = m;
      const queue = (i) => {
        const p = byTask[i], x1 = this.x(m.start[p]), x0 = this.x(m.start[p] - m.wait[p]);
        if (m.wake[p] < 0 || x1 - x0 < 2 || x1 < left || x0 > width) return;
        const begin = Math.max(x0, left - 4), w = Math.min(x1, width + 4) - begin;
        c.fillStyle = colour.surface;
        c.fillRect(begin, top + 2, w, height - 4);
        c.fillStyle = this.hatch;
        c.fillRect(begin, top + 2, w, height - 4);
        c.strokeStyle = colour.queue;
        c.lineWidth = 1;
        c.strokeRect(begin + .5, top + 2.5, w - 1, height - 5);
      };
      const next = this.columns(taskEnd, taskSum, task.from, end, (i) => m.start[byTask[i]], (i) => m.start[byTask[i]], top, height, colour.poll, (i, x, w) => {
        queue(i);
        this.poll(byTask[i], x, top, w, height);
        if (w > 60) this.write(duration(m.end[byTask[i]] - m.start[byTask[i]]), x, w, y + h / 2 + .5, colour.surface);
      }, (i, j) => {
        if ((this.waits[j] - this.waits[i]) * this.scale < 2) return;
        for (let k = i; k < j && k < i + 64; k++) queue(k);
      });
      // The next poll is out of sight, but its task may be in the queue already.
      if (next < end && m.start[byTask[next]] - m.wait[byTask[next]] < t1) queue(next);
      if (this.app.poll >= 0 && m.task[this.app.poll] === task.index) {
        const x = this.x(m.start[this.app.poll]), w = (m.end[this.app.poll] - m.start[this.app.poll]) * this.scale;
        if (w < 1.5) this.poll(this.app.poll, x - .5, top, 2, height);
      }
      this.outline();
      if (task.spawned >= t0 && task.spawned <= t1 && task.spawnEvent >= 0) {
        c.fillStyle = colour.turn;
        c.beginPath();
        c.moveTo(from, top);
        c.lineTo(from + 6, y + h / 2);
        c.lineTo(from, top + height);
        c.fill();
      }
      if (task.ended >= t0 && task.ended <= t1) {
        c.fillStyle = c.strokeStyle = task.how === 0 ? colour.text : colour.bad;
        if (task.how === 0) c.fillRect(to - 1, top - 2, 3, height + 4);
        else this.cross(to + 4, y + h / 2, 4);
      }
    }

    drawFd(fd, y, h) {
      const { c, colour, m, left, width } = this, { t0, t1 } = this.app;
      const from = this.x(Number.isNaN(fd.registered) ? m.from : fd.registered), to = Number.isNaN(fd.gone) ? width : this.x(fd.gone);
      c.strokeStyle = colour.line;
      c.lineWidth = 1;
      c.setLineDash([3, 3]);
      c.beginPath();
      c.moveTo(Math.max(from, left), y + h / 2);
      c.lineTo(Math.min(to, width), y + h / 2);
      c.stroke();
      c.setLineDash([]);
      const { words } = m.rts[fd.rt], end = fd.from + fd.count, { scale } = this;
      let i = search(m.fdTime, t0 - 8 / scale, fd.from, end);
      const last = search(m.fdTime, t1 + 8 / scale, i, end);
      while (i < last) {
        const x = this.x(m.fdTime[i]), j = search(m.fdTime, m.fdTime[i] + 7 / scale, i + 1, last);
        if (j - i > 3) {
          // Too many to be told from each other: a bar, as high as they are many.
          const high = Math.min(h - 8, 4 + Math.log2(j - i) * 2);
          c.fillStyle = colour.report;
          c.fillRect(x, y + (h - high) / 2, 6, high);
          i = j;
          continue;
        }
        const w = m.fdEvent[i] * 6, kind = words[w] & 255;
        if (kind === K.REPORTED) {
          c.fillStyle = colour.report;
          this.triangle(x, y + h / 2 - 1, 9);
        } else if (kind === K.TRIED) this.tried(x, y + h / 2 + 4, words[w + 4]);
        else {
          c.fillStyle = colour.text;
          c.fillRect(x - 1, y + 5, 2, h - 10);
        }
        i++;
      }
    }

    // Done: a full disc. Nothing there: a ring. Failed: a cross. To write: a square instead of the disc.
    tried(x, y, word) {
      const { c, colour } = this, how = word >>> 16, isWrite = (word & 0xffff) === 2;
      c.fillStyle = colour.poll;
      c.strokeStyle = how === 3 ? colour.bad : colour.poll;
      c.lineWidth = 1.5;
      if (how === 3) return this.cross(x, y, 3.5);
      c.beginPath();
      if (isWrite) c.rect(x - 3, y - 3, 6, 6);
      else c.arc(x, y, 3.2, 0, 7);
      if (how === 2) c.stroke();
      else c.fill();
      if (how === 1) {
        c.fillStyle = colour.surface;
        c.fillRect(x - 1, y - 1, 2, 2);
      }
    }

    triangle(x, y, size) {
      const { c } = this;
      c.beginPath();
      c.moveTo(x - size / 2, y);
      c.lineTo(x + size / 2, y);
      c.lineTo(x, y - size * .9);
      c.fill();
    }

    cross(x, y, size) {
      const { c } = this;
      c.lineWidth = 2;
      c.beginPath();
      c.moveTo(x - size, y - size);
      c.lineTo(x + size, y + size);
      c.moveTo(x + size, y - size);
      c.lineTo(x - size, y + size);
      c.stroke();
    }
  }

  Lens.Drawing = Drawing;
})(globalThis.Lens ??= {});
