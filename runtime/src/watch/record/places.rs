//! The places of the code where tasks are spawned, each with a number.
//!
//! A table of the process, in which a place is found by its address. It is never emptied, since places are static. A
//! program has as many as calls of `spawn` in its text; if there are more than the table holds, the rest has no number.

use std::panic::Location;
use std::sync::OnceLock;

const SLOTS: usize = 4096;
/// How many slots are looked at for one place.
const PROBES: usize = 16;

static PLACES: [OnceLock<&'static Location<'static>>; SLOTS] = [const { OnceLock::new() }; SLOTS];

/// Returns the number of a place, counted from 1, or 0 if there is no room.
#[inline]
pub(super) fn number_of(place: &'static Location<'static>) -> u16 {
    let address = std::ptr::from_ref(place) as usize;
    // Locations have 8-byte alignment at least; multiplied by a large odd number, so that neighbours are spread.
    let first = (address >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) >> 32;
    for probe in first..first + PROBES {
        let slot = probe % SLOTS;
        if std::ptr::eq(*PLACES[slot].get_or_init(|| place), place) {
            return slot as u16 + 1;
        }
    }
    0
}

/// Returns the place that has a number.
pub(super) fn of_number(number: u16) -> Option<&'static Location<'static>> {
    match number {
        0 => None,
        _ => PLACES.get(usize::from(number) - 1)?.get().copied(),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{number_of, of_number};
    use std::panic::Location;

    #[test]
    fn a_place_is_found_by_its_number() {
        let here = Location::caller();
        let number = number_of(here);
        assert_eq!(number, number_of(here));
        assert_eq!(of_number(number), Some(here));
        assert_eq!(of_number(0), None);
        assert_eq!(of_number(u16::MAX), None);
    }
}
