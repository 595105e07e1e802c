//! A list on the stack.

use std::convert::Infallible;
use std::mem::MaybeUninit;

/// How many entries a [`List`] holds: four groups of the 16 lanes of the widest kernel.
pub(crate) const LIST_MAX: usize = 64;

/// Up to [`LIST_MAX`] entries, without allocation and without a first filling.
pub(crate) struct List<T> {
    entries: [MaybeUninit<T>; LIST_MAX],
    len: usize,
}

impl<T: Copy> List<T> {
    /// The entries.
    #[allow(unsafe_code)]
    pub(crate) fn as_slice(&self) -> &[T] {
        let filled = &self.entries[..self.len];
        // SAFETY: `push` alone moves `len`, and has written every entry below it; `MaybeUninit<T>` has the layout of `T`.
        unsafe { &*(std::ptr::from_ref(filled) as *const [T]) }
    }
}

impl<T> List<T> {
    /// An empty list.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn new() -> Self {
        Self {
            entries: [const { MaybeUninit::uninit() }; LIST_MAX],
            len: 0,
        }
    }

    /// Adds an entry, which is never dropped.
    ///
    /// # Panics
    ///
    /// If the list is full.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn push(&mut self, entry: T) {
        const { assert!(!std::mem::needs_drop::<T>()) };
        self.entries[self.len].write(entry);
        self.len += 1;
    }

    /// Adds an entry that `fill` fills where it stands, from `empty`. A large entry that is made elsewhere would be copied, and a copy
    /// waits for the stores before it.
    ///
    /// # Panics
    ///
    /// If the list is full.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn push_filled(&mut self, empty: T, fill: impl FnOnce(&mut T)) {
        let filled: Result<_, Infallible> = self.push_made(empty, |entry| {
            fill(entry);
            Ok(())
        });
        match filled {
            Ok(_) => {}
        }
    }

    /// The same, unless that fails.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn push_made<R, E>(
        &mut self,
        empty: T,
        make: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<(&T, R), E> {
        const { assert!(!std::mem::needs_drop::<T>()) };
        let entry = self.entries[self.len].write(empty);
        let result = make(entry)?;
        self.len += 1;
        Ok((entry, result))
    }

    /// The entries.
    #[allow(unsafe_code)]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        let filled = &mut self.entries[..self.len];
        // SAFETY: as in `as_slice`.
        unsafe { &mut *(std::ptr::from_mut(filled) as *mut [T]) }
    }
}
