//! Rounds, and their evaluation.

use crate::groups::{
    AYI, Figure, LOOPS, LOOPS_OTHERWISE, POOL, RAW, RAW_RING, STD, Side, Size, TOKIO, TOKIO_MULTI_THREAD,
    Unit, Whom, Work,
};
use std::io;

/// How long one side's turn should take, in nanoseconds, unless the size of the work is fixed.
const TURN: f64 = 12e6;

/// One figure of one piece of work.
pub struct Row {
    pub work: String,
    pub figure: Figure,
    pub ayi: f64,
    /// The ratio of ayi to itself: anything within it is a tie.
    pub noise: Ratio,
    pub others: Vec<Other>,
}

/// What was measured of a peer.
pub struct Other {
    pub runtime: &'static str,
    /// The median of the rounds.
    pub value: f64,
    pub ratio: Ratio,
}

/// How many times better ayi was in the same round.
#[derive(Clone, Copy)]
pub struct Ratio {
    pub median: f64,
    /// Half of the rounds lie between these.
    pub quartiles: (f64, f64),
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Verdict {
    Met,
    /// Missed by no more than ayi differs from itself.
    Tie,
    Missed,
}

impl Ratio {
    fn of(mut ratios: Vec<f64>) -> Ratio {
        ratios.sort_by(f64::total_cmp);
        let at = |part: f64| ratios[(part * (ratios.len() - 1) as f64).round() as usize];
        Ratio { median: at(0.5), quartiles: (at(0.25), at(0.75)) }
    }

    /// Returns how far ayi's ratio to itself was from 1, at least a hundredth.
    fn distance(&self) -> f64 {
        [self.median, self.quartiles.0, self.quartiles.1]
            .map(|it| (it - 1.0).abs())
            .into_iter()
            .fold(0.01, f64::max)
    }
}

impl Row {
    pub fn is_tie(&self, other: &Other) -> bool {
        (other.ratio.median - 1.0).abs() <= self.noise.distance()
    }

    /// Returns a verdict for each goal. `None` means that there was nothing to compare with.
    pub fn verdicts(&self) -> impl Iterator<Item = (Whom, f64, Option<Verdict>)> {
        self.figure.goals.iter().map(|&(whom, goal)| {
            let is_meant = |other: &&Other| match whom {
                Whom::Tokio => other.runtime == TOKIO,
                Whom::Pool => other.runtime == POOL,
                Whom::Raw => [RAW, RAW_RING].contains(&other.runtime),
                Whom::Others => {
                    let is_loop = LOOPS.contains(&other.runtime) || LOOPS_OTHERWISE.contains(&other.runtime);
                    !is_loop && ![TOKIO, POOL, STD, RAW, RAW_RING].contains(&other.runtime)
                }
                Whom::OnEpoll => [TOKIO, "smol", "monoio epoll"].contains(&other.runtime),
                Whom::Loops => ["libevent", "libuv", "Boost.Asio"].contains(&other.runtime),
                Whom::MultiThread => other.runtime == TOKIO_MULTI_THREAD,
                Whom::OneCore | Whom::TwoCores => false,
            };
            let least = self.others.iter().filter(is_meant).map(|other| other.ratio.median).reduce(f64::min);
            let is_of_itself = matches!(whom, Whom::OneCore | Whom::TwoCores);
            let least = if is_of_itself { Some(self.ayi) } else { least };
            let verdict = least.map(|least| match least {
                _ if least >= goal => Verdict::Met,
                _ if least + self.noise.distance() >= goal => Verdict::Tie,
                _ => Verdict::Missed,
            });
            (whom, goal, verdict)
        })
    }
}

/// Returns the number of operations for one turn.
fn size(side: &Side, size: Size, is_quick: bool) -> io::Result<u32> {
    let of = match size {
        Size::Fixed(n) => return Ok(n),
        Size::Scaled { full, quick } => return Ok(if is_quick { quick } else { full }),
        Size::Any(of) => of,
    };
    let mut n = of;
    loop {
        let per_operation = (side.turn)(n)?[0];
        if per_operation * f64::from(n) * 2.0 > TURN || n > 1 << 26 {
            return Ok(((TURN / per_operation) as u32 / of * of).clamp(of, 1 << 27));
        }
        n *= 2;
    }
}

impl Work {
    /// Returns how many turns are taken.
    pub fn turns(&self, is_quick: bool) -> u64 {
        (self.rounds.number(is_quick) * (self.sides.len() + 1)) as u64
    }

    /// Measures every side in turn, ayi twice, in one order and then in the other. `done` is called after each turn. A
    /// side that cannot do it is left out, and `failed` is told why.
    pub fn measure(
        &self,
        is_quick: bool,
        mut done: impl FnMut(),
        mut failed: impl FnMut(&'static str, io::Error),
    ) -> Vec<Row> {
        let mut sides = self.sides.clone();
        sides.extend(self.sides.iter().find(|side| side.runtime == AYI).cloned());
        let sizes: Vec<_> = sides.iter().map(|side| size(side, self.size, is_quick)).collect();
        // By side, by round, by figure.
        let mut numbers: Vec<io::Result<Vec<Vec<f64>>>> =
            sizes.iter().map(|size| size.as_ref().map(|_| Vec::new()).map_err(copy)).collect();
        for round in 0..self.rounds.number(is_quick) {
            let forth = 0..sides.len();
            let order: Vec<usize> = if round % 2 == 0 { forth.collect() } else { forth.rev().collect() };
            for i in order {
                if let (Ok(all), Ok(size)) = (&mut numbers[i], &sizes[i]) {
                    match (sides[i].turn)(*size) {
                        Ok(figures) => all.push(figures),
                        Err(error) => numbers[i] = Err(error),
                    }
                }
                done();
            }
        }
        let mut measured = Vec::new();
        for (side, numbers) in sides.iter().zip(numbers) {
            match numbers {
                Ok(numbers) => measured.push((side.runtime, numbers)),
                Err(error) => failed(side.runtime, error),
            }
        }
        // Without ayi, twice, nothing can be said.
        let [(AYI, ayi), others @ .., (AYI, again)] = &measured[..] else { return Vec::new() };
        let row = |(i, figure): (usize, &Figure)| {
            let of = |numbers: &[Vec<f64>]| numbers.iter().map(|figures| figures[i]).collect::<Vec<f64>>();
            let better = |ayi: &f64, other: &f64| match figure.unit {
                // Both are zero, for example allocations.
                _ if ayi == other => 1.0,
                Unit::PerSecond | Unit::Times => ayi / other,
                _ => other / ayi,
            };
            let ratio = |numbers: &[Vec<f64>]| {
                Ratio::of(of(ayi).iter().zip(of(numbers)).map(|(ayi, other)| better(ayi, &other)).collect())
            };
            Row {
                work: self.name.clone(),
                figure: figure.clone(),
                ayi: Ratio::of(of(ayi)).median,
                noise: ratio(again),
                others: others
                    .iter()
                    .map(|&(runtime, ref numbers)| Other {
                        runtime,
                        value: Ratio::of(of(numbers)).median,
                        ratio: ratio(numbers),
                    })
                    .collect(),
            }
        };
        self.figures.iter().enumerate().map(row).collect()
    }
}

fn copy(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}
