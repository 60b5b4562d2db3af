// The timeline on its canvas. Only what can be seen is drawn: the first poll in the window is found by a search, and where
// many lie in one column of pixels, sums say how much of the column they fill. So a frame costs the same with a thousand
// events and with a million.
'use strict';
(function (Lens) {
  const { LANE, search, duration } = Lens;
  const AXIS = 28;
  const FONT = '12.5px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

  class Timeline extends Lens.Drawing {
    constructor(app) {
      super();
      this.app = app;
      this.canvas = document.getElementById('timeline');
      this.overview = document.getElementById('overview');
      this.scroller = document.getElementById('scroller');
      this.c = this.canvas.getContext('2d');
      this.o = this.overview.getContext('2d');
      this.frames = [];
      this.fitted = new Map();
      this.focus = -1;
      this.scroller.addEventListener('scroll', () => this.invalidate());
      new ResizeObserver(() => this.resize()).observe(document.getElementById('stage'));
    }

    load(model) {
      this.m = model;
      this.lanes = new Lens.Lanes(model);
      const { wait, byTask, polls } = model;
      this.waits = new Float64Array(polls + 1);
      for (let i = 0; i < polls; i++) this.waits[i + 1] = this.waits[i] + wait[byTask[i]];
      this.faults = model.taskList.filter((task) => Lens.areFaults(model.rts[task.rt]));
      this.histogram = null;
      this.fitted.clear();
      this.resize();
    }

    setLanes(options) {
      this.lanes.set(options);
      this.scroller.firstElementChild.style.height = `${this.lanes.height + this.top() + 8}px`;
      this.invalidate();
    }

    theme() {
      const style = getComputedStyle(document.documentElement);
      this.colour = Object.fromEntries(['bg', 'surface', 'sunken', 'line', 'text', 'quiet', 'accent', 'focus', 'poll', 'queue', 'sleep', 'turn', 'report', 'wake', 'bad', 'lane', 'picked']
        .map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
      const tile = document.createElement('canvas');
      tile.width = tile.height = 6;
      const t = tile.getContext('2d');
      t.strokeStyle = this.colour.queue;
      t.lineWidth = 1.4;
      for (const x of [-6, 0, 6]) {
        t.moveTo(x, 6);
        t.lineTo(x + 6, 0);
      }
      t.stroke();
      this.hatch = this.c.createPattern(tile, 'repeat');
      this.histogram = null;
      this.invalidate();
    }

    resize() {
      if (!this.m) return;
      const ratio = globalThis.devicePixelRatio || 1;
      for (const canvas of [this.canvas, this.overview]) {
        const { width, height } = canvas.getBoundingClientRect();
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
      }
      this.ratio = ratio;
      this.width = this.canvas.width / ratio;
      this.height = this.canvas.height / ratio;
      this.left = this.width < 560 ? 112 : this.m.threads.length ? 250 : Math.max(210, Math.min(290, this.width * .34));
      this.histogram = null;
      this.scroller.firstElementChild.style.height = `${this.lanes.height + this.top() + 8}px`;
      this.invalidate();
    }

    top() { return AXIS + this.lanes.pinnedHeight; }
    x(time) { return this.left + (time - this.app.t0) * this.scale; }
    timeAt(x) { return this.app.t0 + (x - this.left) / this.scale; }
    get scale() { return (this.width - this.left) / (this.app.t1 - this.app.t0); }

    invalidate() {
      if (this.pending) return;
      this.pending = true;
      requestAnimationFrame(() => {
        this.pending = false;
        if (!this.m || !this.width || !this.colour || this.app.view !== 'timeline') return;
        const begin = performance.now();
        this.draw();
        this.drawOverview();
        this.frames.push(performance.now() - begin);
        if (this.frames.length > 600) this.frames.shift();
      });
    }

    draw() {
      const { c, colour, width, height, left, lanes } = this;
      c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      c.font = FONT;
      c.textBaseline = 'middle';
      c.direction = 'ltr';
      c.fillStyle = colour.surface;
      c.fillRect(0, 0, width, height);
      const top = this.top(), scroll = this.scroller.scrollTop;
      c.save();
      c.beginPath();
      c.rect(0, top, width, height - top);
      c.clip();
      const first = Math.max(0, lanes.placeAt(scroll)), last = Math.min(lanes.list.length - 1, lanes.placeAt(scroll + height - top));
      for (let place = first; place <= last; place++) this.drawLane(lanes.list[place], top + lanes.topOf(place) - scroll, place & 1);
      c.restore();
      lanes.pinned.forEach((lane, place) => {
        const y = AXIS + place * lanes.heightOf(lane);
        this.drawLane(lane, y, 0);
        c.fillStyle = colour.line;
        if (place) c.fillRect(0, y, width, 1);
      });
      this.drawFaults();
      this.drawAxis();
      c.fillStyle = colour.line;
      c.fillRect(left - 1, 0, 1, height);
      if (lanes.pinned.length) c.fillRect(0, top - 1, width, 1);
      if (this.app.poll >= 0) this.drawArrows();
      if (!lanes.list.length) {
        c.fillStyle = colour.quiet;
        c.fillText('Nothing is found. Clear the search to see all lanes.', left + 16, top + 24);
      }
    }

    // While there is a fault, all lanes are tinted: what they show may come from it.
    drawFaults() {
      const { c, colour, left, width, height } = this;
      c.fillStyle = colour.bad;
      c.globalAlpha = .07;
      for (const { spawned, ended } of this.faults) {
        const from = Math.max(left, this.x(spawned)), to = Number.isNaN(ended) ? width : Math.min(width, this.x(ended));
        if (to > from) c.fillRect(from, AXIS, to - from, height - AXIS);
      }
      c.globalAlpha = 1;
    }

    drawAxis() {
      const { c, colour, left, width } = this, { t0, t1 } = this.app;
      c.fillStyle = colour.bg;
      c.fillRect(0, 0, width, AXIS);
      const rough = (t1 - t0) * 110 / (width - left), power = 10 ** Math.floor(Math.log10(rough));
      const step = Math.max(1, power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10));
      c.fillStyle = colour.quiet;
      const zero = this.m.zero;
      for (let time = Math.ceil((t0 - zero) / step) * step; time <= t1 - zero; time += step) {
        const x = this.x(time + zero);
        c.fillRect(x, AXIS - 6, 1, 6);
        const label = Lens.time(time, step);
        if (x + 8 + c.measureText(label).width < width) c.fillText(label, x + 4, AXIS / 2 - 1);
      }
      c.fillText(left < 150 ? duration(t1 - t0) : `window of ${duration(t1 - t0)}`, 10, AXIS / 2);
      c.fillStyle = colour.line;
      c.fillRect(0, AXIS - 1, width, 1);
    }

    drawLane(lane, y, isOdd) {
      const { c, colour, left, width, lanes } = this, h = lanes.heightOf(lane), kind = lane & 3, index = lane >> 2;
      const isPicked = lane === this.app.lane;
      c.fillStyle = isPicked ? colour.picked : isOdd ? colour.lane : colour.surface;
      c.fillRect(0, y, width, h);
      c.save();
      c.beginPath();
      c.rect(left, y, width - left, h);
      c.clip();
      if (kind === LANE.RT) this.drawRuntime(this.m.rts[index], y);
      else if (kind === LANE.THREAD) this.drawThread(this.m.threads[index], y);
      else if (kind === LANE.TASK) this.drawTask(this.m.tasks[index], y, h);
      else this.drawFd(this.m.fds[index], y, h);
      c.restore();
      const request = this.app.selection?.request;
      if (request && lane === (kind === LANE.TASK ? request.task * 4 + LANE.TASK : request.fd.index * 4 + LANE.FD)) this.drawRequest(request, y, h);
      c.fillStyle = kind === LANE.FD ? colour.report : kind !== LANE.TASK ? colour.quiet : Lens.areFaults(this.m.rts[this.m.tasks[index].rt]) ? colour.bad : colour.poll;
      if (kind === LANE.FD) this.triangle(14, y + h / 2 + 4, 8);
      else if (kind === LANE.TASK) {
        c.beginPath();
        c.arc(14, y + h / 2, 3.5, 0, 7);
        c.fill();
      } else c.fillRect(10, y + h / 2 - 4, 8, 8);
      c.fillStyle = colour.text;
      c.fillText(this.fit(lanes.title(lane, left < 150), left - 34, true), 25, y + h / 2 + .5);
      if (lane === this.focus && document.activeElement === this.canvas) {
        c.strokeStyle = colour.focus;
        c.lineWidth = 2;
        c.strokeRect(1, y + 1, width - 2, h - 2);
      }
    }

    // From when the request may have come to its answer: a bracket around that stretch of the lane.
    drawRequest({ from, end }, y, h) {
      const { c, colour, left, width } = this, x0 = Math.max(left, this.x(from)), x1 = Math.min(width, this.x(end));
      if (x1 < left || x0 > width) return;
      const w = Math.max(3, x1 - x0);
      c.fillStyle = c.strokeStyle = colour.accent;
      c.globalAlpha = .12;
      c.fillRect(x0, y + 1, w, h - 2);
      c.globalAlpha = 1;
      c.lineWidth = 1.5;
      c.strokeRect(x0 + .75, y + 1.5, w - 1.5, h - 3);
    }

    /** Cuts a text to the room. Of a name the number at its end is kept: it tells tasks of one name from each other. */
    fit(text, room, keepsEnd = false) {
      const key = `${room} ${text}`, end = keepsEnd && /#\d+$/.exec(text)?.[0] || '';
      let fitted = this.fitted.get(key);
      if (fitted === undefined) {
        const measure = (it) => this.c.measureText(it).width;
        fitted = text;
        if (measure(text) > room) {
          let low = 0, high = Math.min(text.length - end.length, 200);
          while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (measure(`${text.slice(0, middle)}…${end}`) <= room) low = middle;
            else high = middle - 1;
          }
          fitted = low ? `${text.slice(0, low)}…${end}` : '';
        }
        if (this.fitted.size > 5000) this.fitted.clear();
        this.fitted.set(key, fitted);
      }
      return fitted;
    }

    /** The middle of a lane, held at the edge if it is scrolled away, or NaN if there is no such lane. */
    middle(lane) {
      const { lanes } = this, place = lanes.placeOf(lane), top = this.top();
      if (place === -1) return NaN;
      const h = lanes.heightOf(lane);
      if (place < -1) return AXIS + (-2 - place) * h + h * .7;
      return Math.min(this.height + 2, Math.max(top - 2, top + lanes.topOf(place) - this.scroller.scrollTop + h / 2));
    }

    drawArrows() {
      const { c, colour } = this;
      c.save();
      c.beginPath();
      c.rect(this.left, AXIS, this.width - this.left, this.height - AXIS);
      c.clip();
      for (const arrow of this.app.arrows) {
        const y0 = this.middle(arrow.from.lane), y1 = this.middle(arrow.to.lane);
        if (Number.isNaN(y0) || Number.isNaN(y1)) continue;
        const x0 = this.x(arrow.from.time), x1 = this.x(arrow.to.time), xs = this.x(arrow.start);
        if (Math.max(x0, x1, xs) < this.left - 50 || Math.min(x0, x1) > this.width + 50) continue;
        c.strokeStyle = c.fillStyle = colour.wake;
        c.globalAlpha = arrow.depth < 0 ? .8 : Math.max(.35, 1 - arrow.depth * .2);
        c.lineWidth = arrow.depth === 0 ? 2.2 : 1.5;
        c.setLineDash(arrow.depth < 0 ? [4, 3] : []);
        c.beginPath();
        c.moveTo(x0, y0);
        const tip = y1 > y0 ? y1 - 9 : y1 + 9;
        if (y0 === y1) {
          // A timer: an arc from the poll that set it.
          const high = Math.min(16, Math.abs(x1 - x0) / 4);
          c.bezierCurveTo(x0, y0 - high, x1, y0 - high, x1, y1 - 6);
          c.stroke();
          this.head(x1, y1 - 5, 1);
        } else {
          c.bezierCurveTo(x0, y0 + (y1 - y0) * .4, x1, y0 + (y1 - y0) * .6, x1, tip);
          c.stroke();
          this.head(x1, tip + (y1 > y0 ? 5 : -5), y1 > y0 ? 1 : -1);
        }
        c.setLineDash([]);
        if (xs - x1 > 8) {
          c.beginPath();
          c.moveTo(x1, y1);
          c.lineTo(xs - 6, y1);
          c.stroke();
          c.beginPath();
          c.moveTo(xs, y1);
          c.lineTo(xs - 7, y1 - 4);
          c.lineTo(xs - 7, y1 + 4);
          c.fill();
        }
      }
      c.restore();
      c.globalAlpha = 1;
    }

    head(x, y, down) {
      const { c } = this;
      c.setLineDash([]);
      c.beginPath();
      c.moveTo(x, y);
      c.lineTo(x - 4.5, y - 8 * down);
      c.lineTo(x + 4.5, y - 8 * down);
      c.fill();
    }

    drawOverview() {
      const { o, m, colour } = this, width = this.overview.width / this.ratio, height = this.overview.height / this.ratio, left = this.left;
      o.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      o.fillStyle = colour.bg;
      o.fillRect(0, 0, width, height);
      const span = m.to - m.from, room = width - left;
      if (!this.histogram) {
        const columns = Math.max(1, Math.floor(room / 2));
        this.histogram = new Float32Array(columns);
        if (!m.polls) this.addCalls(columns, span);
        for (const rt of m.rts) {
          let i = rt.firstPoll;
          for (let k = 0; k < columns; k++) {
            const edge = m.from + span * (k + 1) / columns, j = search(m.end, edge, i, rt.pollsEnd);
            let full = m.sum[j] - m.sum[i];
            // A poll that is longer than a column fills those before it, too.
            if (j < rt.pollsEnd) full += Math.max(0, edge - m.start[j]);
            this.histogram[k] += Math.min(1, full * columns / span) / m.rts.length;
            i = j;
          }
        }
      }
      o.fillStyle = colour.poll;
      this.histogram.forEach((full, k) => full && o.fillRect(left + k * 2, height - 6 - full * (height - 14), 2, Math.max(1, full * (height - 14))));
      o.fillStyle = colour.line;
      o.fillRect(left, height - 6, room, 1);
      const x0 = left + (this.app.t0 - m.from) / span * room, x1 = left + (this.app.t1 - m.from) / span * room;
      const begin = Math.max(left, x0), w = Math.max(3, Math.min(width, x1) - begin);
      o.globalAlpha = .16;
      o.fillStyle = colour.accent;
      o.fillRect(begin, 2, w, height - 8);
      o.globalAlpha = 1;
      o.strokeStyle = colour.accent;
      o.lineWidth = 1.5;
      o.strokeRect(begin + .75, 2.75, w - 1.5, height - 9);
      if (this.app.poll >= 0) {
        o.fillStyle = colour.wake;
        o.fillRect(left + (m.start[this.app.poll] - m.from) / span * room - 1, 0, 2, height - 5);
      }
      o.fillStyle = colour.quiet;
      o.font = FONT;
      o.textBaseline = 'middle';
      o.fillText(left < 150 ? `all ${duration(span)}` : `whole recording, ${duration(span)}`, 10, height / 2);
    }
  }

  Lens.Timeline = Timeline;
})(globalThis.Lens ??= {});
