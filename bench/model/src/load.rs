//! Who asks, and when.

/// How connections differ.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Load {
    /// All ask equally much.
    Uniform,
    /// As many as there are cores have all to say, the others are silent.
    Hot,
    /// The k-th asks 1/k as often as the first, but none more than half of a core can answer.
    Zipf,
}

/// Numbers that are the same for the same seed: xorshift64*.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 to 1, without 1.
    pub fn part(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.part() * limit as f64) as usize
    }

    /// The time until the next of events that are independent of each other, so many nanoseconds on average.
    pub fn gap(&mut self, average: f64) -> f64 {
        -(1.0 - self.part()).ln() * average
    }
}

impl Load {
    /// What part of all requests each of the connections asks. `most` is the most that one may ask.
    pub fn parts(self, connections: usize, cores: usize, most: f64) -> Vec<f64> {
        let weights = (0..connections).map(|number| match self {
            Load::Uniform => 1.0,
            Load::Hot => f64::from(u8::from(number < cores)),
            Load::Zipf => 1.0 / (number + 1) as f64,
        });
        let mut parts: Vec<f64> = weights.collect();
        let scale = |parts: &mut [f64], to: f64| {
            let sum: f64 = parts.iter().sum();
            parts.iter_mut().for_each(|part| *part *= to / sum);
        };
        scale(&mut parts, 1.0);
        if self == Load::Zipf {
            // What is cut off is spread over the others, of which some may then have too much.
            let mut cut = 0;
            while cut < connections && parts[cut] > most {
                parts[cut] = most;
                cut += 1;
                let left = 1.0 - most * cut as f64;
                scale(&mut parts[cut..], left.max(0.0));
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_together_everything() {
        for load in [Load::Uniform, Load::Hot, Load::Zipf] {
            let parts = load.parts(256, 8, 0.1);
            assert!((parts.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{load:?}");
            assert_eq!(parts.len(), 256);
        }
    }

    #[test]
    fn zipf_is_cut_where_it_would_be_too_much_for_one() {
        let parts = Load::Zipf.parts(256, 8, 0.1);
        assert!(parts.iter().all(|&part| part <= 0.1 + 1e-12));
        // Without a cut the first would have 0.163, and the second 0.082.
        assert_eq!(parts[0], 0.1);
        assert!((parts[3] / parts[7] - 2.0).abs() < 1e-9, "those below it are as they were among themselves");
    }

    #[test]
    fn only_as_many_as_there_are_cores_are_hot() {
        assert_eq!(Load::Hot.parts(4, 2, 1.0), [0.5, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn gaps_are_as_long_as_they_should_be_on_average() {
        let mut numbers = Numbers::new(7);
        let sum: f64 = (0..100_000).map(|_| numbers.gap(50.0)).sum();
        assert!((sum / 100_000.0 - 50.0).abs() < 0.5, "{sum}");
    }
}
