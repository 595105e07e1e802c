//! Many packets at once, whatever their keys, profiles and lengths.
//!
//! Packets of AES-GCM have nothing to share, and run one behind the other. Packets with HMAC-SHA1 are sorted by their number
//! of blocks and hashed in groups, one in each lane.

use super::Job;
use super::cm::Keystream;
use super::engine::State;
use super::list::List;
use super::message::{Lane, Tail, block_count, verify_tag, write_tag};
use super::simd::{GROUP, Simd, Task};
use super::state::CmState;

/// The most jobs that are sorted together.
const SORTED_MAX: usize = 64;

/// Protects all jobs.
pub(crate) fn protect(jobs: &mut [Job<'_>]) {
    for jobs in jobs.chunks_mut(SORTED_MAX) {
        match jobs {
            [] => {}
            [job] => job.protect(),
            [first, ..] => match first.key().state {
                State::Portable(_) => jobs.iter_mut().for_each(Job::protect),
                _ => first.key().engine.run(Protect { jobs }, 0),
            },
        }
    }
}

/// Unprotects all jobs; [`Job::authentic`] then says which were genuine. One forged packet changes nothing for the others.
pub(crate) fn unprotect(jobs: &mut [Job<'_>]) {
    for jobs in jobs.chunks_mut(SORTED_MAX) {
        match jobs {
            [] => {}
            [first, rest @ ..] => match first.key().state {
                State::Cm(_) | State::Gcm(_) if !rest.is_empty() => {
                    first.key().engine.run(Unprotect { jobs }, 0);
                }
                _ => jobs.iter_mut().for_each(unprotect_one),
            },
        }
    }
}

/// Unprotects one job, which keeps its own outcome.
fn unprotect_one(job: &mut Job<'_>) {
    let _ = job.unprotect();
}

struct Protect<'a, 'b> {
    jobs: &'a mut [Job<'b>],
}

struct Unprotect<'a, 'b> {
    jobs: &'a mut [Job<'b>],
}

impl Task for Protect<'_, '_> {
    type Output = ();

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<S: Simd>(self, token: S, _: u128) {
        let mut order = Order::new();
        let tier = self.jobs[0].key().tier();
        for (index, job) in self.jobs.iter_mut().enumerate() {
            let suits = job.key().tier() == tier && job.layout().hole.is_none();
            match &job.key().state {
                State::Cm(_) if suits => order.push(index, job),
                _ => job.protect(),
            }
        }
        for group in order.sorted().chunks(GROUP) {
            seal_group(token, self.jobs, group);
        }
    }
}

impl Task for Unprotect<'_, '_> {
    type Output = ();

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<S: Simd>(self, token: S, _: u128) {
        let mut order = Order::new();
        let tier = self.jobs[0].key().tier();
        for (index, job) in self.jobs.iter_mut().enumerate() {
            let suits = job.key().tier() == tier && job.layout().hole.is_none();
            match &job.key().state {
                State::Cm(_) if suits => order.push(index, job),
                _ => unprotect_one(job),
            }
        }
        for group in order.sorted().chunks(GROUP) {
            open_group(token, self.jobs, group);
        }
    }
}

/// The jobs with HMAC-SHA1, to be sorted by their number of blocks.
struct Order {
    /// The number of blocks above the eight bits of the job's place.
    entries: [u32; SORTED_MAX],
    len: usize,
}

impl Order {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn new() -> Self {
        Self {
            entries: [0; SORTED_MAX],
            len: 0,
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn push(&mut self, index: usize, job: &Job<'_>) {
        let layout = job.layout();
        let blocks = block_count(layout.end, layout.trailer);
        self.entries[self.len] = (blocks as u32) << 8 | index as u32;
        self.len += 1;
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn sorted(&mut self) -> &[u32] {
        let entries = &mut self.entries[..self.len];
        // Packets of one length, the commonest batch, are sorted already.
        if !entries.is_sorted() {
            entries.sort_unstable();
        }
        entries
    }
}

/// The place of the job of an entry of [`Order`].
#[cfg_attr(not(debug_assertions), inline(always))]
fn place(entry: u32) -> usize {
    (entry & 0xff) as usize
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn seal_group<S: Simd>(token: S, jobs: &mut [Job<'_>], group: &[u32]) {
    for &entry in group {
        cipher(token, &mut jobs[place(entry)]);
    }
    let digests = digests(token, jobs, group);
    for (&entry, digest) in group.iter().zip(digests) {
        write_tag(jobs[place(entry)].tag_mut(), digest);
    }
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn open_group<S: Simd>(token: S, jobs: &mut [Job<'_>], group: &[u32]) {
    let digests = digests(token, jobs, group);
    for (&entry, digest) in group.iter().zip(digests) {
        let job = &mut jobs[place(entry)];
        let genuine = verify_tag(job.tag_mut(), digest).into();
        job.set_authentic(genuine);
        if genuine {
            cipher(token, job);
        }
    }
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn cipher<S: Simd>(token: S, job: &mut Job<'_>) {
    let state = cm_state(job);
    let (iv, layout, buffer) = job.parts();
    let data = &mut buffer[layout.clear..layout.end];
    Keystream { state, data }.run(token, iv);
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn digests<S: Simd>(token: S, jobs: &[Job<'_>], group: &[u32]) -> [[u32; 5]; GROUP] {
    let mut tails = List::new();
    for &entry in group {
        let job = &jobs[place(entry)];
        let (packet, trailer) = (job.packet(), job.layout().trailer);
        tails.push_filled(Tail::EMPTY, |tail| {
            tail.fill::<S::Vector>(token.vectors(), packet, trailer);
        });
    }
    let mut lanes = [Lane::IDLE; GROUP];
    for ((lane, tail), &entry) in lanes.iter_mut().zip(tails.as_slice()).zip(group) {
        let job = &jobs[place(entry)];
        *lane = Lane::new(&cm_state(job).midstates, job.packet(), tail);
    }
    let mut digests = [[0; 5]; GROUP];
    token.macs(&lanes, group.len(), &mut digests);
    digests
}

/// The state of a job that stands in an [`Order`].
#[cfg_attr(not(debug_assertions), inline(always))]
fn cm_state<'a>(job: &Job<'a>) -> &'a CmState {
    match &job.key().state {
        State::Cm(state) => state,
        _ => unreachable!("invariant: only jobs with HMAC are grouped"),
    }
}
