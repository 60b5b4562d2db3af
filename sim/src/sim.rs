//! A simulation as a user sees it.

use crate::actions::Action;
use crate::failure::{Failure, Outcome};
use crate::kernel::Kernel;
use crate::kernel::events::Event;
use crate::kernel::hosts::{BEGIN, Host, HostId, HostState};
use crate::machine::{self, End, Machine, Ran, program};
use crate::watchdog::{Pulse, Watchdog};
use crate::{Nanos, calls, seen};
use ayi_runtime::simulation::{Answers, Decisions, decide};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// An invariant of the user's.
type Check = Rc<dyn Fn() -> Result<(), String>>;

/// How long a run may take at most, in simulated time, unless the user says otherwise.
const LIMIT: Duration = Duration::from_secs(600);

/// How often messages to programs are looked for that come past the network, in nanoseconds.
const MESSAGES: Nanos = 50_000;

/// So many events without any time that passes are a loop.
const MOST_AT_ONCE: u32 = 1_000_000;

/// A simulated network with hosts that run ordinary programs, all on this thread and in simulated time. What is left to
/// chance follows from the seed.
///
/// A clone is the same simulation, for programs that act on it while it runs.
///
/// # Examples
///
/// ```
/// use ayi::net::{TcpListener, TcpStream};
/// use ayi::io::{AsyncReadExt, AsyncWriteExt};
/// use ayi::sim::Sim;
///
/// ayi::sim::kernel!();
///
/// # fn main() -> Result<(), ayi::sim::Failure> {
/// let sim = Sim::new(42);
/// sim.host("server", || async {
///     let listener = TcpListener::bind("0.0.0.0:80").await?;
///     loop {
///         let (mut stream, _) = listener.accept().await?;
///         stream.write_all(b"tea").await?;
///     }
///     # #[allow(unreachable_code)]
///     Ok::<(), std::io::Error>(())
/// });
/// sim.client("client", || async {
///     let mut stream = TcpStream::connect("server:80").await?;
///     let mut text = String::new();
///     stream.read_to_string(&mut text).await?;
///     assert_eq!(text, "tea");
///     Ok::<(), std::io::Error>(())
/// });
/// sim.run()
/// # }
/// ```
#[derive(Clone)]
pub struct Sim(pub(crate) Rc<Inner>);

pub(crate) struct Inner {
    pub(crate) seed: u64,
    pub(crate) kernel: Rc<RefCell<Kernel>>,
    pub(crate) machines: RefCell<Vec<Machine>>,
    /// What is to be done, by the numbers of `Event::Planned`.
    plans: RefCell<Vec<Option<Action>>>,
    limit: Cell<Duration>,
    checks: RefCell<Vec<Check>>,
    is_running: Cell<bool>,
    /// The faults that were drawn, as texts.
    pub(crate) faults: RefCell<Vec<String>>,
    /// The numbers of those that are left out.
    pub(crate) is_spared: RefCell<BTreeSet<usize>>,
    pulse: Arc<Pulse>,
}

impl Sim {
    /// Makes a simulation without hosts, whose chances follow from `seed`.
    ///
    /// # Panics
    ///
    /// Panics if the program does not contain the simulated kernel: see [`kernel!`](crate::kernel). Panics on a simulated
    /// host.
    #[track_caller]
    pub fn new(seed: u64) -> Sim {
        assert!(calls::in_program(|_| ()).is_none(), "a simulation cannot be made on a simulated host");
        let kernel = Rc::new(RefCell::new(Kernel::new(seed)));
        let sim = Sim(Rc::new(Inner {
            seed,
            kernel,
            machines: RefCell::default(),
            plans: RefCell::default(),
            limit: Cell::new(LIMIT),
            checks: RefCell::default(),
            is_running: Cell::new(false),
            faults: RefCell::default(),
            is_spared: RefCell::default(),
            pulse: Arc::default(),
        }));
        let has_kernel = sim.has_kernel();
        let mut kernel = Kernel::new(seed);
        kernel.trace.write_if_wanted();
        *sim.0.kernel.borrow_mut() = kernel;
        assert!(
            has_kernel,
            "this program does not contain the simulated kernel: write `ayi::sim::kernel!();` once, outside all functions"
        );
        sim
    }

    /// Whether the C library's functions are those of `kernel!`.
    fn has_kernel(&self) -> bool {
        self.with_calls(|| {
            let id = self.add_host("kernel?".into(), Machine::new(program(|| async {}), false));
            self.0.kernel.borrow_mut().host(id).state = HostState::Up;
            self.0.kernel.borrow_mut().here = Some(id);
            let is_simulated = calls::makes_simulated_sockets();
            self.0.kernel.borrow_mut().close_all(id);
            self.0.machines.borrow_mut().clear();
            is_simulated
        })
    }

    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// Adds a host that runs `main`, and runs it again whenever the host is started anew. It has the next address in
    /// 10.0.0.0/16 and in fd00::/112, and others find it by `name`.
    ///
    /// The run fails if `main` returns an error or panics, or a task of its does that nobody awaits.
    ///
    /// # Panics
    ///
    /// Panics if there is a host of this name, or if there are 65,000.
    #[track_caller]
    pub fn host<F, Fut>(&self, name: impl Into<String>, main: F)
    where
        F: Fn() -> Fut + 'static,
        Fut: Future<Output: Outcome> + 'static,
    {
        self.add_host(name.into(), Machine::new(program(main), false));
    }

    /// Adds a host like [`host`](Sim::host), whose program has an end: the run is over when all clients have come to
    /// theirs.
    ///
    /// # Panics
    ///
    /// Panics like [`host`](Sim::host).
    #[track_caller]
    pub fn client<F, Fut>(&self, name: impl Into<String>, main: F)
    where
        F: Fn() -> Fut + 'static,
        Fut: Future<Output: Outcome> + 'static,
    {
        self.add_host(name.into(), Machine::new(program(main), true));
    }

    #[track_caller]
    fn add_host(&self, name: String, machine: Machine) -> HostId {
        let mut kernel = self.0.kernel.borrow_mut();
        assert!(kernel.hosts.iter().all(|host| host.name != name), "there is a host {name:?} already");
        assert!(kernel.hosts.len() < 65_000, "there are 65,000 hosts, and no address for one more");
        let id = kernel.hosts.len() as HostId;
        kernel.hosts.push(Host::new(name, id));
        drop(kernel);
        self.0.machines.borrow_mut().push(machine);
        if self.0.is_running.get() {
            self.act(Action::Start(id));
        }
        id
    }

    /// Returns the address of a host: that of IP version 4.
    ///
    /// # Panics
    ///
    /// Panics if there is no host of this name.
    #[track_caller]
    pub fn address(&self, host: &str) -> IpAddr {
        let id = self.id(host);
        self.0.kernel.borrow_mut().host(id).v4.into()
    }

    #[track_caller]
    pub(crate) fn id(&self, name: &str) -> HostId {
        let kernel = self.0.kernel.borrow();
        match kernel.hosts.iter().position(|host| host.name == name) {
            Some(at) => at as HostId,
            None => panic!("there is no host {name:?}"),
        }
    }

    /// Returns how much simulated time has passed.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.kernel.borrow().now)
    }

    /// Returns the hash of all that has happened: of each system call of each host, its time and its outcome. Two runs
    /// with one seed have the same hash, on all machines.
    pub fn hash(&self) -> u64 {
        self.0.kernel.borrow().trace.hash()
    }

    /// Returns how many system calls and events there were.
    pub fn events(&self) -> u64 {
        self.0.kernel.borrow().trace.noted()
    }

    /// Returns how many simulated descriptors are open, of all hosts.
    pub fn descriptors(&self) -> usize {
        self.0.kernel.borrow().hosts.iter().map(|host| host.fds).sum()
    }

    /// Sets how much simulated time a run may take. The default is ten minutes.
    pub fn set_limit(&self, limit: Duration) {
        self.0.limit.set(limit);
    }

    /// Has `check` called after each event. The run fails with the error that it returns.
    pub fn check(&self, check: impl Fn() -> Result<(), String> + 'static) {
        self.0.checks.borrow_mut().push(Rc::new(check));
    }

    /// Runs until all clients have come to their ends.
    ///
    /// # Errors
    ///
    /// Fails if a program fails, a check fails, time is up, or nothing can happen any more though a client has not come
    /// to its end.
    pub fn run(&self) -> Result<(), Failure> {
        let has_clients = self.0.machines.borrow().iter().any(|machine| machine.is_client);
        if !has_clients {
            return Err(self.failure(
                "there is no client whose end the run could wait for: see Sim::client, or use run_for",
            ));
        }
        self.run_until(|| {
            let machines = self.0.machines.borrow();
            machines.iter().filter(|machine| machine.is_client).all(|machine| machine.outcome.is_some())
        })
    }

    /// Runs for so much simulated time.
    ///
    /// # Errors
    ///
    /// Fails like [`run`](Sim::run), except that nothing need happen.
    pub fn run_for(&self, time: Duration) -> Result<(), Failure> {
        let until = self.0.kernel.borrow().now.saturating_add(nanos(time));
        self.run_loop(&|| false, Some(until))
    }

    /// Runs until `is_over` returns true, which is asked after each event.
    ///
    /// # Errors
    ///
    /// Fails like [`run`](Sim::run).
    pub fn run_until(&self, is_over: impl Fn() -> bool) -> Result<(), Failure> {
        self.run_loop(&is_over, None)
    }

    /// Makes a failure of the run until now, for what a test finds wrong itself.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::sim::{Failure, Sim};
    /// # ayi::sim::kernel!();
    /// # fn main() {
    /// fn test(sim: &Sim) -> Result<(), Failure> {
    ///     sim.run_for(std::time::Duration::from_secs(1))?;
    ///     let cups = 3;
    ///     if cups == 3 { Ok(()) } else { Err(sim.failure("a cup is missing")) }
    /// }
    /// # test(&Sim::new(1)).unwrap();
    /// # }
    /// ```
    pub fn failure(&self, why: impl ToString) -> Failure {
        let why = why.to_string();
        #[cfg(feature = "record")]
        self.0.kernel.borrow_mut().note(crate::record::failed(&why));
        let kernel = self.0.kernel.borrow();
        let at = Duration::from_nanos(kernel.now);
        Failure { seed: self.0.seed, at, hash: kernel.trace.hash(), why }
    }

    /// Does something now, or as soon as the program that asks for it gives the thread back.
    pub(crate) fn act(&self, action: Action) {
        if !self.0.is_running.get() {
            return self.prepare(action);
        }
        let now = self.0.kernel.borrow().now;
        self.plan(now, action);
    }

    pub(crate) fn plan(&self, at: Nanos, action: Action) {
        let mut plans = self.0.plans.borrow_mut();
        plans.push(Some(action));
        self.0.kernel.borrow_mut().events.add(at, Event::Planned(plans.len() as u32 - 1));
    }

    /// Has `action` done after so much simulated time, counted from now.
    pub(crate) fn plan_after(&self, after: Duration, action: Action) {
        let now = self.0.kernel.borrow().now;
        self.plan(now.saturating_add(nanos(after)), action);
    }

    fn run_loop(&self, is_over: &dyn Fn() -> bool, until: Option<Nanos>) -> Result<(), Failure> {
        let _watchdog = Watchdog::new(self.0.pulse.clone(), self.0.seed);
        self.with_calls(|| {
            self.start_all()?;
            let deadline = nanos(self.0.limit.get());
            let (mut time, mut at_once) = (0, 0);
            let mut looked = 0;
            while !is_over() {
                let mut next = self.0.kernel.borrow().events.next_time();
                if next.is_none_or(|next| next >= looked + MESSAGES) {
                    self.look_for_messages();
                    next = self.0.kernel.borrow().events.next_time();
                    looked = next.unwrap_or(looked);
                }
                if let Some(until) = until.filter(|until| next.is_none_or(|next| next > *until)) {
                    let mut kernel = self.0.kernel.borrow_mut();
                    kernel.now = kernel.now.max(until);
                    return Ok(());
                }
                let Some(next) = next else { return Err(self.failure(self.who_waits())) };
                if next > deadline {
                    let why = format!(
                        "{:?} of simulated time are over, see Sim::set_limit; {}",
                        self.0.limit.get(),
                        self.who_waits()
                    );
                    return Err(self.failure(why));
                }
                (time, at_once) = if next == time { (time, at_once + 1) } else { (next, 0) };
                if at_once == MOST_AT_ONCE {
                    return Err(
                        self.failure(format!("a million events happened at one time; {}", self.who_waits()))
                    );
                }
                self.step()?;
            }
            Ok(())
        })
    }

    /// Which clients have not come to their ends.
    fn who_waits(&self) -> String {
        let (machines, kernel) = (self.0.machines.borrow(), self.0.kernel.borrow());
        let all = machines.iter().zip(&kernel.hosts);
        let waiting: Vec<&str> = all
            .filter(|(machine, _)| machine.is_client && machine.outcome.is_none())
            .map(|(_, host)| host.name.as_str())
            .collect();
        match waiting.len() {
            0 => "no host waits for anything that could happen".into(),
            _ => format!("these clients have not come to their ends: {}", waiting.join(", ")),
        }
    }

    fn start_all(&self) -> Result<(), Failure> {
        if self.0.is_running.replace(true) {
            return Ok(());
        }
        let now = self.0.kernel.borrow().now;
        (0..self.count()).try_for_each(|id| {
            self.0.kernel.borrow_mut().now = now;
            self.start(id)
        })
    }

    fn count(&self) -> HostId {
        self.0.machines.borrow().len() as HostId
    }

    pub(crate) fn start(&self, id: HostId) -> Result<(), Failure> {
        let started = machine::start(&self.0.kernel, &self.0.machines, id);
        started.map_err(|why| self.failure(format!("host {:?} cannot start: {why}", self.name(id))))
    }

    pub(crate) fn name(&self, id: HostId) -> String {
        self.0.kernel.borrow_mut().host(id).name.clone()
    }

    /// Has the next thing happen.
    fn step(&self) -> Result<(), Failure> {
        self.0.pulse.step();
        let event = {
            let mut kernel = self.0.kernel.borrow_mut();
            let Some((at, event)) = kernel.events.pop() else { return Ok(()) };
            kernel.now = at;
            event
        };
        match event {
            Event::Run(host, life) => {
                if self.0.kernel.borrow_mut().is_run_due(host, life) {
                    let ran = self.run_program(host);
                    // It may be why the program has failed.
                    self.check_escapes()?;
                    ran?;
                }
            }
            Event::Call(number) => self.run_call(number),
            Event::Planned(number) => {
                let action = self.0.plans.borrow_mut()[number as usize].take();
                if let Some(action) = action {
                    self.perform(action)?;
                }
            }
            other => {
                let mut kernel = self.0.kernel.borrow_mut();
                let now = kernel.now;
                kernel.trace.note(now, 0, other.name(), 0);
                kernel.happen(other);
            }
        }
        self.look_after(event)
    }

    fn run_program(&self, host: HostId) -> Result<(), Failure> {
        self.0.pulse.runs(&self.0.kernel.borrow_mut().host(host).name);
        let ran = machine::run(&self.0.kernel, &self.0.machines, host);
        if self.has_gone_dark(host) {
            return Ok(());
        }
        match ran {
            Ran::Waits => Ok(()),
            Ran::Ended(outcome) => {
                machine::end(&self.0.kernel, &self.0.machines, host, End::Exit);
                self.0.machines.borrow_mut()[usize::from(host)].outcome = Some(outcome.clone());
                outcome.map_err(|why| {
                    self.failure(format!("host {:?} ended with an error: {why}", self.name(host)))
                })
            }
            Ran::NeverSleeps => {
                let why = "has not slept for half a second of simulated time: one of its tasks never waits";
                Err(self.failure(format!("host {:?} {why}", self.name(host))))
            }
            Ran::Panicked(message) => Err(self.failure(format!("host {:?}: {message}", self.name(host)))),
        }
    }

    /// Runs a call of a host's blocking pool, which takes the time that its sleeps and system calls take.
    fn run_call(&self, number: u32) {
        let taken = self.0.kernel.borrow_mut().calls.remove(&number);
        let Some((host, call)) = taken else { return };
        if self.0.kernel.borrow_mut().host(host).is_paused {
            let mut kernel = self.0.kernel.borrow_mut();
            let later = kernel.now + 1_000_000;
            kernel.calls.insert(number, (host, call));
            return kernel.events.add(later, Event::Call(number));
        }
        {
            let mut kernel = self.0.kernel.borrow_mut();
            (kernel.here, kernel.is_in_call) = (Some(host), true);
        }
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
        {
            let mut kernel = self.0.kernel.borrow_mut();
            (kernel.here, kernel.is_in_call) = (None, false);
            let now = kernel.now;
            kernel.run_host_at(host, now);
        }
        self.has_gone_dark(host);
    }

    /// Ends the program of a host whose machine has lost its power in the middle of a sync. Returns whether it has.
    fn has_gone_dark(&self, host: HostId) -> bool {
        let is_dark = self.0.kernel.borrow_mut().host(host).state == HostState::Dark;
        if is_dark {
            self.perform(Action::End(host, End::PowerLoss)).expect("only starting a program can fail");
        }
        is_dark
    }

    /// After each event: escapes, and the user's checks.
    fn look_after(&self, event: Event) -> Result<(), Failure> {
        if matches!(event, Event::Run(..) | Event::Call(_) | Event::Planned(_)) {
            self.check_escapes()?;
        }
        let checks = self.0.checks.borrow().clone();
        for check in checks {
            check().map_err(|why| self.failure(why))?;
        }
        Ok(())
    }

    /// Has programs run for which others have left messages, past the network: through channels of the test's, say. They
    /// are looked for each [`MESSAGES`].
    fn look_for_messages(&self) {
        let has_messages = |host: &HostId| machine::has_messages(&self.0.machines, *host);
        for host in (0..self.count()).filter(has_messages) {
            let mut kernel = self.0.kernel.borrow_mut();
            let at = kernel.now.max(kernel.hosts[usize::from(host)].busy_until);
            kernel.run_host_at(host, at);
        }
    }

    fn check_escapes(&self) -> Result<(), Failure> {
        let escape = self.0.kernel.borrow_mut().escapes.pop();
        escape.map_or(Ok(()), |escape| Err(self.failure(escape)))
    }

    /// Runs `f` while the calls of this thread go to the simulated kernel.
    fn with_calls<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Restore(Option<Rc<RefCell<Kernel>>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                decide(None);
                calls::install(self.0.take());
            }
        }
        let _restore = Restore(calls::install(Some(self.0.kernel.clone())));
        decide(Some(decisions()));
        f()
    }
}

pub(crate) fn decisions() -> Decisions {
    let answers = Answers { begin: BEGIN, now: seen::now, look: seen::look, keep: seen::keep };
    Decisions { choose, take_call, answers }
}

/// Which of so many ready tasks comes next. A poll costs time, too.
fn choose(among: usize) -> usize {
    let choose = |kernel: &mut Kernel| {
        kernel.charge_poll();
        if among > 1 { kernel.rng.below(among as u64) as usize } else { 0 }
    };
    calls::with_kernel(choose).unwrap_or(0)
}

fn take_call(call: Box<dyn FnOnce() + Send>) {
    let mut call = Some(call);
    let refused =
        calls::with_kernel(|kernel| kernel.take_call(call.take().expect("it is there"))).transpose();
    // The program is dying: like a pool that is closed, the call is dropped.
    drop((refused, call));
}

pub(crate) fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}

impl Drop for Inner {
    /// What is left of the programs is dropped as if their machines had lost their power.
    fn drop(&mut self) {
        let before = calls::install(Some(self.kernel.clone()));
        decide(Some(decisions()));
        let count = self.machines.borrow().len() as HostId;
        for host in 0..count {
            if self.machines.borrow()[usize::from(host)].is_running() {
                machine::end(&self.kernel, &self.machines, host, End::PowerLoss);
            }
        }
        decide(None);
        calls::install(before);
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim")
            .field("seed", &self.0.seed)
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}
