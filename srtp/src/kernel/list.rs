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
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self {
            jobs: [const { MaybeUninit::uninit() }; JOBS_MAX],
            len: 0,
        }
    }

    /// Adds a job.
    ///
    /// # Panics
    ///
    /// If the list is full.
    #[inline(always)]
    pub(crate) fn push(&mut self, job: Job<'a>) {
        self.jobs[self.len].write(job);
        self.len += 1;
    }

    /// The jobs.
    #[allow(unsafe_code)]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [Job<'a>] {
        let filled = &mut self.jobs[..self.len];
        // SAFETY: `push` alone moves `len`, and has written every job below it; `MaybeUninit<T>` has the layout of `T`.
        unsafe { &mut *(std::ptr::from_mut(filled) as *mut [Job<'a>]) }
    }
}
