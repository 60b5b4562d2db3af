// Follows a program while it runs: the connection to it, the control that pauses, and the question who waits for what.
'use strict';
(function (Lens) {
  const { el } = Lens;
  const $ = (id) => document.getElementById(id);
  const AGAIN = 2000;
  // The model is made anew at most so often, and takes at most a third of the time.
  const BETWEEN = 500;
  // How much of the run is shown while the page follows, in nanoseconds.
  const SPAN = { usual: 5e9, least: 1e7, most: 6e10 };

  class Live {
    constructor(app) {
      Object.assign(this, { app, gathering: new Lens.Gathering(), isFollowing: true, span: SPAN.usual, isNew: false, timer: 0, due: 0 });
      $('following').hidden = false;
      $('opening').hidden = false;
      $('drop').replaceChildren(el('h2', {}, 'Waiting for the program'), el('p', {}, 'The page shows what it does as soon as the first events come.'));
      $('live-button').addEventListener('click', () => this.toggle());
      $('waits-button').addEventListener('click', () => this.whoWaits());
      document.addEventListener('visibilitychange', () => this.schedule());
      this.show();
      this.connect();
    }

    connect() {
      const source = this.source = new EventSource('events');
      source.onopen = () => this.reached(true);
      source.onmessage = ({ data }) => {
        this.gathering.add(Lens.fromBase64(data));
        this.isNew = true;
        this.schedule();
      };
      // The browser would not try again after an answer such as 503.
      source.onerror = () => {
        source.close();
        this.reached(false);
        this.again = setTimeout(() => this.connect(), AGAIN);
      };
    }

    reached(isThere) {
      this.isLost = !isThere;
      $('lost').hidden = isThere;
      const text = isThere ? '' : 'The program has ended, or cannot be reached. What it has sent is kept, and the page tries again.';
      if ($('lost').textContent !== text) $('lost').textContent = text;
      this.show();
    }

    /** Another recording is opened: no more of this one. */
    stop() {
      this.pause();
      clearTimeout(this.again);
      this.source.onerror = null;
      this.source.close();
      $('following').hidden = $('lost').hidden = true;
      this.app.live = null;
    }

    pause() {
      if (!this.isFollowing) return;
      this.isFollowing = false;
      clearTimeout(this.timer);
      this.timer = 0;
      this.show();
    }

    resume() {
      const { app } = this, span = app.t1 - app.t0;
      // What is shown now is how much will be shown, unless that is all.
      if (app.model) this.span = span >= app.model.to - app.model.from && span > SPAN.usual ? SPAN.usual : Math.max(SPAN.least, Math.min(SPAN.most, span));
      this.isFollowing = this.isNew = true;
      if (app.view === 'auntie') app.set({ view: 'timeline' });
      this.show();
      this.schedule();
    }

    toggle() {
      if (this.isFollowing) this.pause();
      else this.resume();
    }

    /** Asks the program what each of its tasks waits for. It takes a second if a task keeps its thread. */
    async whoWaits() {
      const { app } = this, question = this.question = {};
      if (!app.model) return;
      const show = (text) => {
        app.set({ view: 'timeline', waits: text });
        app.say(text);
      };
      show('The program is asked…');
      $('panel').focus();
      let text;
      try {
        text = await (await fetch('dump')).text();
      } catch {
        text = 'The program has ended, or cannot be reached.';
      }
      // It may have been closed meanwhile, or asked again.
      if (this.question === question && app.waits !== null) show(text);
    }

    show() {
      const state = this.isLost ? 'lost' : this.isFollowing ? 'live' : 'paused';
      $('following').dataset.state = state;
      $('live-state').textContent = { lost: 'Lost', live: 'Live', paused: 'Paused' }[state];
      $('live-button').textContent = this.isFollowing ? 'Pause' : 'Follow';
    }

    // While it is paused, or nobody sees it, what comes is only gathered.
    schedule() {
      if (this.timer || !this.isNew || !this.isFollowing || document.hidden) return;
      this.timer = setTimeout(() => this.rebuild(), Math.max(50, this.due - performance.now()));
    }

    rebuild() {
      this.timer = 0;
      if (!this.isFollowing || document.hidden || !this.gathering.runtimes.size) return;
      this.isNew = false;
      const begin = performance.now(), first = this.gathering.origin === undefined, model = Lens.model(this.gathering.recording());
      if (first) this.zero = model.from;
      model.zero = this.zero;
      this.app.renew(model);
      this.follow(model);
      $('waits-button').hidden = false;
      // An address may lead to her. She shows one step after the other.
      if (this.app.view === 'auntie') this.pause();
      this.took = performance.now() - begin;
      this.due = begin + Math.max(BETWEEN, 3 * this.took);
    }

    // Moves the window to the newest event.
    follow(m) {
      const { app } = this;
      app.t1 = m.to;
      app.t0 = Math.min(Math.max(m.from, m.to - this.span), m.to - 50);
      app.timeline.invalidate();
    }
  }

  Lens.Live = Live;
})(globalThis.Lens ??= {});
