// The auntie's view: the same run at human speed, step by step, with a sentence for each.
'use strict';
(function (Lens) {
  const { el } = Lens;

  class Auntie {
    constructor(app) {
      this.app = app;
      this.root = document.getElementById('view-auntie');
      this.replays = new Map();
      this.timer = 0;
      matchMedia('(max-width: 700px)').addEventListener('change', () => app.view === 'auntie' && this.show());
    }

    load() {
      this.stop();
      this.replays.clear();
      this.root.replaceChildren();
      this.scene = null;
    }

    replay(rt) {
      if (!this.replays.has(rt)) this.replays.set(rt, new Lens.Replay(this.app.model, this.app.model.rts[rt]));
      return this.replays.get(rt);
    }

    build() {
      const { app } = this, { rts } = app.model;
      const button = (id, label, title, onclick) => el('button', { type: 'button', id, title, onclick }, label);
      this.select = el('select', { id: 'auntie-rt', onchange: () => app.setStep(0, Number(this.select.value)) }, rts.map((rt) => el('option', { value: rt.index }, Lens.visible(rt.label))));
      this.speed = el('select', { id: 'auntie-speed' }, [['0.5', 'slow'], ['1', 'calm'], ['2', 'quick'], ['6', 'very quick']].map(([value, label]) => el('option', { value, selected: value === '1' }, label)));
      this.playButton = button('auntie-play', '▶ Play', 'Play or pause (space)', () => this.toggle());
      this.where = el('span', { class: 'where' });
      this.step = el('div', { class: 'step', id: 'auntie-step' });
      this.journey = el('ol', { class: 'journey', 'aria-label': 'Steps before and after' });
      const stage = el('div', { class: 'scene' });
      this.scene = new Lens.Scene(stage);
      this.scene.m = app.model;
      this.root.replaceChildren(el('div', { class: 'auntie' },
        el('div', { class: 'controls' },
          button('auntie-back', '← Back', 'One step back (left arrow)', () => this.go(-1)), this.playButton,
          button('auntie-forward', 'Forward →', 'One step forward (right arrow)', () => this.go(1)),
          el('label', {}, 'Speed ', this.speed), rts.length > 1 ? el('label', {}, 'Runtime ', this.select) : '',
          button('auntie-byte', 'Follow a byte', 'Go to the next report of epoll, and to the sleep before it', () => this.follow()),
          button('auntie-timeline', 'Timeline', 'Show this step on the timeline', () => this.toTimeline()), this.where),
        stage, this.step, this.journey));
    }

    show() {
      const { app } = this;
      if (!app.model.rts.length) return;
      if (!this.scene) this.build();
      const replay = this.replay(app.rt);
      if (!replay.count) {
        this.step.replaceChildren(el('p', { class: 'sentence' }, 'Nothing has happened in this runtime.'));
        return;
      }
      const k = Math.max(0, Math.min(replay.count - 1, app.step));
      const state = replay.seek(k), told = Lens.tell(replay, k);
      this.scene.layout(matchMedia('(max-width: 700px)').matches);
      this.scene.draw(replay, state);
      this.select.value = String(app.rt);
      this.where.textContent = `step ${(k + 1).toLocaleString('en')} of ${replay.count.toLocaleString('en')}, at ${Lens.time(told.time - app.model.zero, 100)}`;
      this.step.replaceChildren(el('p', { class: 'sentence' }, told.sentence),
        el('p', { class: 'code' }, told.code.flatMap((key, i) => {
          const { file, line, name } = Lens.code[key];
          return [i ? ' · ' : '', el('code', {}, `${name} (${file}:${line})`)];
        })));
      document.getElementById('auntie-byte').disabled = replay.nextByte(-1) < 0;
      document.getElementById('auntie-back').disabled = k === 0;
      document.getElementById('auntie-forward').disabled = k === replay.count - 1;
      const hadFocus = this.journey.contains(document.activeElement);
      const first = Math.max(0, Math.min(k - 3, replay.count - 8));
      this.journey.replaceChildren(...replay.story(first, first + 7).map((it) => el('li', { 'aria-current': it.k === k ? 'step' : null },
        el('button', { type: 'button', onclick: () => app.setStep(it.k, app.rt) }, el('time', {}, Lens.time(it.time - app.model.zero, 100)), el('span', {}, it.sentence), el('code', {}, it.code.length ? Lens.code[it.code.at(-1)].name : '')))));
      if (hadFocus) this.journey.querySelector('[aria-current] button')?.focus({ preventScroll: true });
      app.say(told.sentence);
      this.told = told;
    }

    go(by) {
      const replay = this.replay(this.app.rt), next = this.app.step + by;
      if (next < 0 || next >= replay.count) return this.stop();
      this.app.setStep(next, this.app.rt, false);
    }

    /** Goes to where the way of the next byte begins: the sleep before a report of epoll. */
    follow() {
      const { app } = this, replay = this.replay(app.rt);
      const next = replay.nextByte(app.step);
      if (next >= 0) app.setStep(next, app.rt);
    }

    toggle() {
      if (this.timer) return this.stop();
      this.playButton.textContent = '❚❚ Pause';
      const tick = () => {
        this.go(1);
        if (this.timer) this.timer = setTimeout(tick, this.pause());
      };
      this.timer = setTimeout(tick, 300);
    }

    // A sentence is read at some 17 letters a second.
    pause() {
      return Math.max(700, 900 + this.told.sentence.length * 38) / Number(this.speed.value);
    }

    stop() {
      clearTimeout(this.timer);
      this.timer = 0;
      if (this.playButton) this.playButton.textContent = '▶ Play';
    }

    toTimeline() {
      const { app } = this, replay = this.replay(app.rt), kind = replay.kind[app.step], at = replay.ref[app.step];
      const S = Lens.STEP, p = kind === S.COMES || kind === S.RUNS ? at : app.model.rts[app.rt].owner[at];
      app.goTo(p >= 0 ? { poll: p } : { rt: app.rt, time: replay.timeOf(app.step) });
    }

    key(event) {
      if (event.key === 'ArrowLeft') this.go(-1);
      else if (event.key === 'ArrowRight') this.go(1);
      else if (event.key === ' ' && event.target.tagName !== 'BUTTON') this.toggle();
      else return false;
      return true;
    }
  }

  Lens.Auntie = Auntie;
})(globalThis.Lens ??= {});
