//! Rounds, and what they say.

use crate::groups::{AYI, Side, Size, Work};
use std::thread;
use std::time::Duration;

/// What one side's turn should take, unless the size of the work is fixed.
const TURN: Duration = Duration::from_millis(12);

/// What was measured of a side.
pub struct Result {
    pub runtime: &'static str,
    /// Nanoseconds per operation, the median of the rounds.
    pub nanos: f64,
    pub ratio: Ratio,
}

/// How many times as long as ayi it took in the same round.
#[derive(Clone, Copy)]
pub struct Ratio {
    pub median: f64,
    /// Half of the rounds lie between these.
    pub quartiles: (f64, f64),
}

pub struct Results {
    pub ayi: f64,
    /// Of ayi against itself: what is within it is a tie.
    pub noise: Ratio,
    pub others: Vec<Result>,
}

impl Ratio {
    fn of(mut ratios: Vec<f64>) -> Ratio {
        ratios.sort_by(f64::total_cmp);
        let at = |part: f64| ratios[(part * (ratios.len() - 1) as f64).round() as usize];
        Ratio { median: at(0.5), quartiles: (at(0.25), at(0.75)) }
    }

    /// How far ayi against itself was from 1, at least a hundredth.
    pub fn distance(&self) -> f64 {
        [self.median, self.quartiles.0, self.quartiles.1]
            .map(|it| (it - 1.0).abs())
            .into_iter()
            .fold(0.01, f64::max)
    }
}

impl Side {
    /// On a thread of its own: some runtimes leave something behind in the one that they ran on.
    fn turn(self, n: u32) -> Duration {
        thread::spawn(move || (self.run)(n)).join().expect("no runtime panics")
    }
}

/// Operations for one turn.
fn size(side: Side, size: &Size) -> u32 {
    let of = match *size {
        Size::Fixed(n) => return n,
        Size::Any(of) => of,
    };
    let mut n = of;
    loop {
        let time = side.turn(n);
        if time * 2 > TURN || n > 1 << 26 {
            let wanted = f64::from(n) * TURN.as_secs_f64() / time.as_secs_f64();
            return ((wanted as u32) / of * of).clamp(of, 1 << 27);
        }
        n *= 2;
    }
}

impl Work {
    /// Every side in turn, ayi twice, in one order and then in the other. `done` is called after each turn.
    pub fn measure(&self, rounds: usize, mut done: impl FnMut()) -> Results {
        let mut sides = self.sides.clone();
        sides.extend(self.sides.iter().find(|side| side.runtime == AYI).copied());
        let sizes: Vec<u32> = sides.iter().map(|&side| size(side, &self.size)).collect();
        let mut nanos = vec![Vec::new(); sides.len()];
        for round in 0..rounds {
            let forth = 0..sides.len();
            let order: Vec<usize> = if round % 2 == 0 { forth.collect() } else { forth.rev().collect() };
            for i in order {
                let operations = if self.is_whole { 1.0 } else { f64::from(sizes[i]) };
                nanos[i].push(sides[i].turn(sizes[i]).as_secs_f64() * 1e9 / operations);
                done();
            }
        }
        let median = |values: &[f64]| Ratio::of(values.to_vec()).median;
        let ratio =
            |values: &[f64]| Ratio::of(values.iter().zip(&nanos[0]).map(|(it, ayi)| it / ayi).collect());
        let again = nanos.len() - 1;
        let others = sides.iter().zip(&nanos).skip(1).take(again - 1);
        Results {
            ayi: median(&nanos[0]),
            noise: ratio(&nanos[again]),
            others: others
                .map(|(side, values)| Result {
                    runtime: side.runtime,
                    nanos: median(values),
                    ratio: ratio(values),
                })
                .collect(),
        }
    }

    pub fn turns(&self, rounds: usize) -> u64 {
        (rounds * (self.sides.len() + 1)) as u64
    }
}
