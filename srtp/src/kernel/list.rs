//! A list of jobs on the stack.

use std::mem::MaybeUninit;

use super::Job;

/// How many jobs a [`JobList`] holds: four groups of the 16 lanes of the widest kernel.
pub(crate) const JOBS_MAX: usize = 64;

/// Up to [`JOBS_MAX`] jobs, without allocation.
pub(crate) struct JobList<'a> {
    jobs: [MaybeUninit<Job<'a>>; JOBS_MAX],
    len: usize,
}

impl<'a> JobList<'a> {
    /// An empty list.
    pub(crate) fn new() -> Self {
        Self {
            jobs: [const { MaybeUninit::uninit() }; JOBS_MAX],
            len: 0,
        }
    }

    /// Adds a job, or gives it back if the list is full.
    pub(crate) fn push(&mut self, job: Job<'a>) -> Result<(), Job<'a>> {
        let Some(place) = self.jobs.get_mut(self.len) else {
            return Err(job);
        };
        place.write(job);
        self.len += 1;
        Ok(())
    }

    /// The jobs.
    #[allow(unsafe_code)]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [Job<'a>] {
        let filled = &mut self.jobs[..self.len];
        // SAFETY: `push` alone moves `len`, and has written every job below it; `MaybeUninit<T>` has the layout of `T`.
        unsafe { &mut *(std::ptr::from_mut(filled) as *mut [Job<'a>]) }
    }
}
