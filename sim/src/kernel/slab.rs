//! Things with numbers. A number that was given back is used again, with the next generation.

/// Names a thing. It names nothing once the thing is removed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key {
    pub(crate) index: u32,
    generation: u32,
}

pub(crate) struct Slab<T> {
    places: Vec<(u32, Option<T>)>,
    /// The numbers that are free, of which the last one is used next.
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Slab<T> {
        Slab { places: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push((0, None));
            self.places.len() as u32 - 1
        });
        let place = &mut self.places[index as usize];
        place.1 = Some(value);
        Key { index, generation: place.0 }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let (generation, value) = self.places.get(key.index as usize)?;
        value.as_ref().filter(|_| *generation == key.generation)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (generation, value) = self.places.get_mut(key.index as usize)?;
        value.as_mut().filter(|_| *generation == key.generation)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.0 != key.generation {
            return None;
        }
        let value = place.1.take()?;
        place.0 = place.0.wrapping_add(1);
        self.free.push(key.index);
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.places.iter().enumerate().filter_map(|(index, (generation, value))| {
            let key = Key { index: index as u32, generation: *generation };
            value.as_ref().map(|value| (key, value))
        })
    }
}

impl<T> std::ops::Index<Key> for Slab<T> {
    type Output = T;

    #[track_caller]
    fn index(&self, key: Key) -> &T {
        self.get(key).expect("it has not been removed")
    }
}

impl<T> std::ops::IndexMut<Key> for Slab<T> {
    #[track_caller]
    fn index_mut(&mut self, key: Key) -> &mut T {
        self.get_mut(key).expect("it has not been removed")
    }
}
