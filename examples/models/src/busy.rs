//! Measures how busy the machine is, before anything is judged by time.
//!
//! On each CPU, one thread spins for a while, and then sleeps for short times. Where other programs want that CPU, the
//! spinning thread sees its clock jump, and the sleeping one wakes late. Both also show what a hypervisor takes.

use crate::{show, sys};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// Each half of the measurement takes so long.
const TIME: Duration = Duration::from_millis(100);
/// How long the thread sleeps at a time.
const NAP: Duration = Duration::from_millis(1);
/// Reading the clock takes less than a tenth of a microsecond, and an interrupt some of them. If more lies between two
/// readings, something else had the CPU.
const GAP: Duration = Duration::from_micros(50);

/// On a quiet machine, a spinning thread has at least this part of its CPU.
const QUIET_SHARE: f64 = 0.9;
/// There, nine of ten naps end at most so late.
const QUIET_LATENESS: Duration = Duration::from_millis(1);

/// What was measured, an entry for each CPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Cpus(Vec<Cpu>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Cpu {
    number: usize,
    /// The part of its time that a spinning thread had the CPU.
    share: f64,
    /// Nine of ten naps ended at most so late.
    lateness: Duration,
}

impl Cpus {
    /// Measures all CPUs that this process may use, for 200 ms.
    pub fn measure() -> io::Result<Cpus> {
        let measure = |number| {
            move || {
                sys::stay_on(number)?;
                let ((gaps, took), naps) = (spin(TIME), sleep(TIME));
                Ok(Cpu { number, share: share(&gaps, took), lateness: lateness(naps) })
            }
        };
        let cpus = sys::allowed_cpus()?;
        let measured: io::Result<Vec<Cpu>> = thread::scope(|scope| {
            let threads: Vec<_> = cpus.into_iter().map(|number| scope.spawn(measure(number))).collect();
            threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
        });
        measured.map(Cpus)
    }

    /// Measures again, and keeps the worse of both for each CPU: it may have become busy meanwhile.
    pub fn again(self) -> io::Result<Cpus> {
        Ok(self.worse(&Cpus::measure()?))
    }

    #[cfg(test)]
    pub fn invented(is_busy: bool) -> Cpus {
        let share = if is_busy { 0.5 } else { 1.0 };
        Cpus(vec![Cpu { number: 0, share, lateness: Duration::from_micros(60) }])
    }

    fn worse(mut self, other: &Cpus) -> Cpus {
        for cpu in &mut self.0 {
            for other in other.0.iter().filter(|other| other.number == cpu.number) {
                cpu.share = cpu.share.min(other.share);
                cpu.lateness = cpu.lateness.max(other.lateness);
            }
        }
        self
    }

    pub fn is_busy(&self) -> bool {
        self.0.iter().any(|cpu| cpu.share < QUIET_SHARE || cpu.lateness > QUIET_LATENESS)
    }

    /// Says in a line what was measured.
    pub fn describe(&self) -> String {
        let percent = |part: f64| format!("{:.0} %", 100.0 * part);
        let cpus: Vec<String> = self
            .0
            .iter()
            .map(|Cpu { number, share, lateness }| {
                format!("CPU {number} {}, {} late", percent(*share), show::time(*lateness))
            })
            .collect();
        let (what, than) = match self.is_busy() {
            true => ("The machine is BUSY", " What depends on time is not to be trusted, and not judged."),
            false => ("The machine is quiet", ""),
        };
        format!(
            "{what}: a spinning thread gets this part of a CPU, and a sleeping one wakes so late (p90): {}. Quiet is from \
             {} on, up to {} late.{than}",
            cpus.join("; "),
            percent(QUIET_SHARE),
            show::time(QUIET_LATENESS)
        )
    }
}

/// Spins, and returns the times in which something else had the CPU, and how long it took: the last of them may reach
/// beyond `time`.
fn spin(time: Duration) -> (Vec<Duration>, Duration) {
    let (start, mut gaps) = (Instant::now(), Vec::new());
    let mut last = start;
    while last - start < time {
        let now = Instant::now();
        if now - last > GAP {
            gaps.push(now - last);
        }
        last = now;
    }
    (gaps, last - start)
}

/// Sleeps again and again, and returns how late each sleep ended.
fn sleep(time: Duration) -> Vec<Duration> {
    let (start, mut naps) = (Instant::now(), Vec::new());
    while start.elapsed() < time {
        let begin = Instant::now();
        thread::sleep(NAP);
        naps.push(begin.elapsed().saturating_sub(NAP));
    }
    naps
}

/// Returns which part of the time is left without the gaps.
fn share(gaps: &[Duration], took: Duration) -> f64 {
    let lost: Duration = gaps.iter().sum();
    took.saturating_sub(lost).as_secs_f64() / took.as_secs_f64()
}

/// Returns what nine of ten do not exceed. Without any, it is as long as can be: the thread never ran.
fn lateness(mut naps: Vec<Duration>) -> Duration {
    naps.sort_unstable();
    let place = (naps.len() * 9).div_ceil(10);
    place.checked_sub(1).map_or(Duration::MAX, |place| naps[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(all: &[u64]) -> Vec<Duration> {
        all.iter().copied().map(Duration::from_millis).collect()
    }

    fn cpu(number: usize, share: f64, late: u64) -> Cpu {
        Cpu { number, share, lateness: Duration::from_micros(late) }
    }

    #[test]
    fn gaps_are_what_a_spinning_thread_does_not_get() {
        let share = |gaps: &[u64], took| share(&milliseconds(gaps), Duration::from_millis(took));
        assert_eq!(share(&[], 100), 1.0);
        assert_eq!(share(&[20, 30], 100), 0.5);
        // The last gap ended long after the time was over.
        assert_eq!(share(&[20, 130], 200), 0.25);
        assert_eq!(share(&[250], 250), 0.0);
    }

    #[test]
    fn one_late_nap_of_ten_is_allowed() {
        assert_eq!(lateness(milliseconds(&[9, 1, 1, 1, 1, 1, 1, 1, 1, 1])), Duration::from_millis(1));
        assert_eq!(lateness(milliseconds(&[9, 1, 8, 1, 1, 1, 1, 1, 1, 1])), Duration::from_millis(8));
        assert_eq!(lateness(milliseconds(&[3])), Duration::from_millis(3));
        assert_eq!(lateness(Vec::new()), Duration::MAX);
    }

    #[test]
    fn one_busy_cpu_makes_a_busy_machine() {
        assert!(!Cpus(vec![cpu(0, 0.99, 60), cpu(1, 0.9, 1_000)]).is_busy());
        assert!(Cpus(vec![cpu(0, 0.99, 60), cpu(1, 0.89, 60)]).is_busy());
        assert!(Cpus(vec![cpu(0, 0.99, 1_001), cpu(1, 0.99, 60)]).is_busy());
    }

    #[test]
    fn the_worse_of_two_measurements_counts() {
        let worse = Cpus(vec![cpu(0, 0.99, 60), cpu(1, 0.5, 70)])
            .worse(&Cpus(vec![cpu(1, 0.8, 90), cpu(0, 0.7, 50)]));
        assert_eq!(worse, Cpus(vec![cpu(0, 0.7, 60), cpu(1, 0.5, 90)]));
    }

    #[test]
    fn the_numbers_are_said() {
        let busy = Cpus(vec![cpu(0, 0.482, 60), cpu(3, 1.0, 6_200)]).describe();
        assert!(busy.contains("BUSY") && busy.contains("not judged"), "{busy}");
        assert!(busy.contains("CPU 0 48 %, 60.0 µs late; CPU 3 100 %, 6.20 ms late"), "{busy}");
        let quiet = Cpus(vec![cpu(0, 1.0, 60)]).describe();
        assert!(quiet.starts_with("The machine is quiet") && !quiet.contains("judged"), "{quiet}");
    }
}
