//! What happens to hosts and to the network, besides what programs do: by call, by schedule, or drawn from the seed.

use crate::failure::Failure;
use crate::kernel::hosts::HostId;
use crate::kernel::links::Link;
use crate::machine::{self, End};
use crate::sim::{Sim, nanos};
use std::time::Duration;

/// Something that is done to a simulation.
pub(crate) enum Action {
    Start(HostId),
    End(HostId, End),
    /// Has it lose its power in the middle of its next sync.
    CrashAtSync(HostId),
    Pause(HostId),
    Resume(HostId),
    /// Sets how slow a host is, in hundredths.
    Slow(HostId, u32),
    /// Cuts, or mends, the way from one host to another.
    Cut(HostId, HostId, bool),
    /// Resets all connections between two hosts.
    Reset(HostId, HostId),
    Run(Box<dyn FnOnce(&Sim)>),
}

impl Sim {
    /// Starts the program of a host again, which has ended: after a crash with what its disk holds.
    ///
    /// Nothing happens if it runs.
    ///
    /// # Panics
    ///
    /// Panics if there is no host of this name, like all functions that name hosts.
    #[track_caller]
    pub fn restart(&self, host: &str) {
        self.act(Action::Start(self.id(host)));
    }

    /// Has a host lose its power: its program is gone, what it had not synced is lost, and nobody is told. Peers wait
    /// until they give up, or until it is up again and answers what it does not know with a reset.
    #[track_caller]
    pub fn crash(&self, host: &str) {
        self.act(Action::End(self.id(host), End::PowerLoss));
    }

    /// Has a host lose its power in the middle of its next sync: fsync(2), fdatasync(2), sync(2), or a write to a file that
    /// was opened with `O_SYNC` or `O_DSYNC`. Of what the sync should have made durable, any part is, and the program is
    /// gone before it hears of it. Nothing happens if there is no sync until the program is started again.
    ///
    /// # Panics
    ///
    /// Panics if there is no host of this name.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sim::Sim;
    /// use std::time::Duration;
    ///
    /// ayi::sim::kernel!();
    ///
    /// # fn main() -> Result<(), ayi::sim::Failure> {
    /// let sim = Sim::new(42);
    /// sim.host("writer", || async {
    ///     let file = ayi::fs::File::create("/tmp/note").await?;
    ///     file.sync_all().await?;
    ///     Err::<(), _>(std::io::Error::other("nobody comes here"))
    /// });
    /// sim.crash_at_next_sync("writer");
    /// sim.run_for(Duration::from_secs(1))
    /// # }
    /// ```
    #[track_caller]
    pub fn crash_at_next_sync(&self, host: &str) {
        self.act(Action::CrashAtSync(self.id(host)));
    }

    /// Kills the program of a host, as by SIGKILL: its machine closes what it had open, and keeps what it had written.
    #[track_caller]
    pub fn kill(&self, host: &str) {
        self.act(Action::End(self.id(host), End::Kill));
    }

    /// Stops the program of a host, as by SIGSTOP. Its machine goes on to receive.
    #[track_caller]
    pub fn pause(&self, host: &str) {
        self.act(Action::Pause(self.id(host)));
    }

    /// Has a host that was paused go on.
    #[track_caller]
    pub fn resume(&self, host: &str) {
        self.act(Action::Resume(self.id(host)));
    }

    /// Makes a host slower: each of its calls takes `times` as long.
    #[track_caller]
    pub fn slow_down(&self, host: &str, times: f64) {
        self.act(Action::Slow(self.id(host), (times * 100.0).clamp(1.0, 1e9) as u32));
    }

    /// Sets a host's clocks: how far the time of the day is ahead, in seconds, which may be negative, and by how many
    /// millionths both clocks are too fast.
    #[track_caller]
    pub fn set_clock(&self, host: &str, ahead: f64, drift: i32) {
        let id = self.id(host);
        let mut kernel = self.0.kernel.borrow_mut();
        let clock = &mut kernel.host(id).clock;
        clock.ahead = (ahead * 1e9) as i64;
        clock.drift = drift.clamp(-900_000, 900_000);
    }

    /// Cuts the network between two hosts, in both directions.
    #[track_caller]
    pub fn partition(&self, a: &str, b: &str) {
        self.partition_one_way(a, b);
        self.partition_one_way(b, a);
    }

    /// Cuts the network in one direction.
    #[track_caller]
    pub fn partition_one_way(&self, from: &str, to: &str) {
        self.act(Action::Cut(self.id(from), self.id(to), true));
    }

    /// Ends a partition between two hosts.
    #[track_caller]
    pub fn heal(&self, a: &str, b: &str) {
        let (a, b) = (self.id(a), self.id(b));
        self.act(Action::Cut(a, b, false));
        self.act(Action::Cut(b, a, false));
    }

    /// Breaks all connections between two hosts: both ends get a reset, as from a firewall that has forgotten them.
    #[track_caller]
    pub fn reset_connections(&self, a: &str, b: &str) {
        self.act(Action::Reset(self.id(a), self.id(b)));
    }

    /// Has `f` called after so much simulated time.
    pub fn after(&self, time: Duration, f: impl FnOnce(&Sim) + 'static) {
        self.plan_after(time, Action::Run(Box::new(f)));
    }

    /// Sets how long packets take between any two hosts. The default is 0.1 to 0.5 ms.
    pub fn set_latency(&self, least: Duration, most: Duration) {
        let latency = (nanos(least), nanos(most.max(least)));
        self.change_all(|link| link.latency = latency);
    }

    /// Sets how long packets take from one host to another.
    #[track_caller]
    pub fn set_latency_between(&self, from: &str, to: &str, least: Duration, most: Duration) {
        let latency = (nanos(least), nanos(most.max(least)));
        self.change(from, to, |link| link.latency = latency);
    }

    /// Sets which part of the packets is lost between any two hosts. TCP sends those again.
    pub fn set_loss(&self, probability: f64) {
        self.change_all(|link| link.loss = probability.clamp(0.0, 1.0));
    }

    /// Sets which part of the packets is lost from one host to another.
    #[track_caller]
    pub fn set_loss_between(&self, from: &str, to: &str, probability: f64) {
        self.change(from, to, |link| link.loss = probability.clamp(0.0, 1.0));
    }

    /// Sets which part of the datagrams arrives twice.
    pub fn set_duplication(&self, probability: f64) {
        self.change_all(|link| link.duplication = probability.clamp(0.0, 1.0));
    }

    /// Sets how many bytes a second go from any host to any other one. `None`, the default, is no limit.
    pub fn set_bandwidth(&self, bytes_per_second: Option<u64>) {
        self.change_all(|link| link.bandwidth = bytes_per_second);
    }

    /// Sets how many bytes a second go from one host to another.
    #[track_caller]
    pub fn set_bandwidth_between(&self, from: &str, to: &str, bytes_per_second: Option<u64>) {
        self.change(from, to, |link| link.bandwidth = bytes_per_second);
    }

    fn change_all(&self, change: impl Fn(&mut Link)) {
        self.0.kernel.borrow_mut().links.change_all(change);
    }

    #[track_caller]
    fn change(&self, from: &str, to: &str, change: impl FnOnce(&mut Link)) {
        let (from, to) = (self.id(from), self.id(to));
        self.0.kernel.borrow_mut().links.change(from, to, change);
    }

    /// Does something before the run. There is nothing to start or to end yet.
    pub(crate) fn prepare(&self, action: Action) {
        if !matches!(action, Action::Start(_) | Action::End(..)) {
            self.perform(action).expect("only starting a program can fail");
        }
    }

    /// Does something, while no program runs.
    pub(crate) fn perform(&self, action: Action) -> Result<(), Failure> {
        let (kernel, machines) = (&self.0.kernel, &self.0.machines);
        #[cfg(feature = "record")]
        action.note().into_iter().for_each(|note| kernel.borrow_mut().note(note));
        let is_running = |host: HostId| machines.borrow()[usize::from(host)].is_running();
        match action {
            Action::Start(host) => {
                kernel.borrow_mut().host(host).crashes_at_sync = false;
                if !is_running(host) {
                    self.start(host)?;
                }
            }
            Action::CrashAtSync(host) => kernel.borrow_mut().host(host).crashes_at_sync = true,
            Action::End(host, end) => machine::end(kernel, machines, host, end),
            Action::Pause(host) => kernel.borrow_mut().host(host).is_paused = true,
            Action::Resume(host) => {
                let mut kernel = kernel.borrow_mut();
                let now = kernel.now;
                kernel.host(host).is_paused = false;
                kernel.run_host_at(host, now);
            }
            Action::Slow(host, percent) => kernel.borrow_mut().host(host).slowness = percent,
            Action::Cut(from, to, is_cut) => {
                kernel.borrow_mut().links.change(from, to, |link| link.is_cut = is_cut);
            }
            Action::Reset(a, b) => kernel.borrow_mut().reset_between(a, b),
            Action::Run(f) => f(self),
        }
        Ok(())
    }
}
