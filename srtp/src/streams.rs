//! The streams of a context, by SSRC.

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher};

use crate::classify::Kind;
use crate::error::CounterError;
use crate::index::{self, INDEX_MAX};
use crate::kernel::prefetch;
use crate::replay::{ReplayList, Verdict};

/// The largest SRTCP index (RFC 3711 §3.4).
pub(crate) const RTCP_INDEX_MAX: u64 = (1 << 31) - 1;

/// Streams that are all asked for before a packet: a call has one or two, and their lists fill a cache
/// line each.
const PREFETCHED: usize = 4;

/// The replay lists of one SSRC.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(crate) struct Lists {
    pub(crate) rtp: ReplayList,
    pub(crate) rtcp: ReplayList,
}

impl Lists {
    /// What is left of them without their windows.
    fn without_windows(&self) -> Self {
        Self {
            rtp: self.rtp.without_window(),
            rtcp: self.rtcp.without_window(),
        }
    }

    #[inline(always)]
    fn of(&self, kind: Kind) -> &ReplayList {
        match kind {
            Kind::Rtp => &self.rtp,
            Kind::Rtcp => &self.rtcp,
        }
    }
}

/// The words of a window of so many bits.
fn words(window: usize) -> u32 {
    window.div_ceil(64).next_power_of_two() as u32
}

#[derive(Debug, Hash)]
struct Stream {
    ssrc: u32,
    lists: Lists,
    /// The table's clock when the stream was last used.
    used: u64,
}

/// All streams of a context: a flat array behind a hash of positions, bounded, least recently used
/// out first.
///
/// A stream that gave way is remembered by its highest indexes, so that nothing of it counts as new
/// twice.
#[derive(Debug)]
pub(crate) struct StreamTable {
    /// The hash: places in `streams`, plus one; a power of two of them, at least half empty.
    positions: Vec<u32>,
    streams: Vec<Stream>,
    /// The replay windows of all streams, those of one stream side by side.
    bits: Vec<u64>,
    rtp_words: u32,
    rtcp_words: u32,
    max: usize,
    retired: BTreeMap<u32, Lists>,
    max_retired: usize,
    /// The stream used last, which is mostly the next one too.
    recent: usize,
    clock: u64,
}

/// A replay list as it stands, and the place of its stream if the SSRC is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    place: Option<usize>,
    pub(crate) list: ReplayList,
}

/// What came of an index that was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) verdict: Verdict,
    /// True, once, if the stream has reached the last sixteenth of its indexes.
    pub(crate) expires: bool,
}

/// There is no place for a further SSRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableFull;

impl StreamTable {
    /// Hashes all that decides about packets to come.
    pub(crate) fn digest(&self, hasher: &mut impl Hasher) {
        (&self.streams, &self.bits, &self.retired).hash(hasher);
        (self.recent, self.clock).hash(hasher);
    }

    /// A table of at most `max` streams and `max_retired` that gave way, with replay windows of so
    /// many bits, each rounded up to a power of two from 64.
    pub(crate) fn new(
        max: usize,
        max_retired: usize,
        rtp_window: usize,
        rtcp_window: usize,
    ) -> Self {
        Self {
            positions: Vec::new(),
            streams: Vec::new(),
            bits: Vec::new(),
            rtp_words: words(rtp_window),
            rtcp_words: words(rtcp_window),
            max,
            retired: BTreeMap::new(),
            max_retired,
            recent: 0,
            clock: 0,
        }
    }

    /// Asks for the memory that a packet touches: of all streams where they are few, and else of the
    /// one used last.
    pub(crate) fn prefetch(&self, kind: Kind) {
        if self.streams.len() <= PREFETCHED {
            prefetch(&self.streams[..]);
            prefetch(&self.positions[..]);
        } else if let Some(stream) = self.streams.get(self.recent) {
            prefetch(stream);
        }
        if let Some(window) = self.bits.get(self.window(self.recent, kind)) {
            prefetch(window);
        }
    }

    /// How many streams are held.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// The place of a stream.
    #[inline(always)]
    pub(crate) fn find(&self, ssrc: u32) -> Option<usize> {
        if let Some(stream) = self.streams.get(self.recent)
            && stream.ssrc == ssrc
        {
            return Some(self.recent);
        }
        self.find_hashed(ssrc)
    }

    /// What is known of an SSRC, held or not.
    #[inline(never)]
    pub(crate) fn lists(&self, ssrc: u32) -> Lists {
        match self.find(ssrc) {
            Some(place) => self.streams[place].lists,
            None => self.retired.get(&ssrc).copied().unwrap_or_default(),
        }
    }

    /// A replay list of an SSRC, held or not.
    #[inline(always)]
    pub(crate) fn known(&self, ssrc: u32, kind: Kind) -> Known {
        let place = self.find(ssrc);
        let list = match place {
            Some(place) => *self.list(place, kind),
            None => *self.lists(ssrc).of(kind),
        };
        Known { place, list }
    }

    /// What a replay list says of an index. Where the SSRC is not held there is no window, and
    /// nothing up to its highest index is new.
    #[inline(always)]
    pub(crate) fn check(&self, known: &Known, kind: Kind, index: u64) -> Verdict {
        match known.place {
            Some(place) => known
                .list
                .check(&self.bits[self.window(place, kind)], index),
            None if index < known.list.next() => Verdict::TooOld,
            None => Verdict::New,
        }
    }

    /// A replay list of the stream at `place`.
    #[inline(always)]
    pub(crate) fn list(&self, place: usize, kind: Kind) -> &ReplayList {
        self.streams[place].lists.of(kind)
    }

    /// Enters an index into a replay list of the stream at `place`, which is the one used last then
    /// if the index is new.
    #[inline(always)]
    pub(crate) fn enter(&mut self, place: usize, kind: Kind, index: u64) -> Entry {
        let window = self.window(place, kind);
        let stream = &mut self.streams[place];
        let (list, soft_limit) = match kind {
            Kind::Rtp => (&mut stream.lists.rtp, INDEX_MAX - INDEX_MAX / 16),
            Kind::Rtcp => (&mut stream.lists.rtcp, RTCP_INDEX_MAX - RTCP_INDEX_MAX / 16),
        };
        let expires = index >= soft_limit && list.next() <= soft_limit;
        let verdict = list.enter(&mut self.bits[window], index);
        let is_new = verdict == Verdict::New;
        // The clock of the stream used last is ahead of all others as it is.
        if is_new && self.recent != place {
            self.recent = place;
            self.clock += 1;
            stream.used = self.clock;
        }
        Entry {
            verdict,
            expires: expires && is_new,
        }
    }

    /// The place of a stream, made now if the SSRC has none. Allocates then.
    #[inline(always)]
    pub(crate) fn find_or_make(&mut self, ssrc: u32) -> Result<usize, TableFull> {
        match self.find(ssrc) {
            Some(place) => Ok(place),
            None => self.make(ssrc),
        }
    }

    #[cold]
    fn make(&mut self, ssrc: u32) -> Result<usize, TableFull> {
        let place = if self.streams.len() < self.max {
            self.append(ssrc)
        } else {
            self.replace_oldest(ssrc)?
        };
        self.hash_in(place);
        let lists = self.retired.remove(&ssrc).unwrap_or_default();
        self.clock += 1;
        self.recent = place;
        let stream = &mut self.streams[place];
        stream.lists = lists;
        stream.used = self.clock;
        Ok(place)
    }

    /// Retires a stream, if it is held.
    pub(crate) fn retire(&mut self, ssrc: u32) {
        let Some(place) = self.find(ssrc) else {
            return;
        };
        self.streams[place].lists = self.streams[place].lists.without_windows();
        self.retired.insert(ssrc, self.streams[place].lists);
        // The last one moves to its place.
        self.hash_out(place);
        let last = self.streams.len() - 1;
        if place != last {
            self.hash_out(last);
        }
        self.streams.swap_remove(place);
        let stride = self.stride();
        self.bits
            .copy_within(last * stride..(last + 1) * stride, place * stride);
        self.bits.truncate(last * stride);
        if place != last {
            self.hash_in(place);
        }
        self.recent = 0;
    }

    /// Changes how many streams there may be. Those that are held stay.
    pub(crate) fn resize(&mut self, max: usize, max_retired: usize) {
        (self.max, self.max_retired) = (max, max_retired);
    }

    /// Changes the replay windows. If another size begins, nothing up to the highest indexes is new.
    pub(crate) fn set_windows(&mut self, rtp_window: usize, rtcp_window: usize) {
        let words = (words(rtp_window), words(rtcp_window));
        if words == (self.rtp_words, self.rtcp_words) {
            return;
        }
        (self.rtp_words, self.rtcp_words) = words;
        for stream in &mut self.streams {
            stream.lists = stream.lists.without_windows();
        }
        self.bits.clear();
        self.bits.resize(self.streams.len() * self.stride(), 0);
    }

    /// The ROC of the highest index of an SSRC, if it is known.
    pub(crate) fn roc(&self, ssrc: u32) -> Option<u32> {
        let list = self.lists(ssrc).rtp;
        match list.highest() {
            Some(highest) => Some(index::roc(highest)),
            None => Some(list.first_roc()).filter(|&roc| roc > 0),
        }
    }

    /// Makes `roc` the ROC of the next packet. Of the indexes before it, up to `spared` are still
    /// taken, if the stream has not come further.
    pub(crate) fn set_roc(&mut self, ssrc: u32, roc: u32, spared: u64) -> Result<(), CounterError> {
        let first = index::join(roc, 0);
        let list = self.lists(ssrc).rtp;
        if list
            .highest()
            .is_some_and(|highest| index::roc(highest) == roc)
        {
            return Ok(());
        }
        if first < list.next() {
            return Err(CounterError::Backwards);
        }
        let place = self.place_to_set(ssrc)?;
        let floor = first.saturating_sub(spared).max(list.next());
        self.streams[place].lists.rtp = ReplayList::starting_at(floor);
        let window = self.window(place, Kind::Rtp);
        self.bits[window].fill(0);
        Ok(())
    }

    /// Makes `next` the next SRTCP index; takes none before it any more.
    pub(crate) fn set_rtcp_index(&mut self, ssrc: u32, next: u64) -> Result<(), CounterError> {
        if next > RTCP_INDEX_MAX {
            return Err(CounterError::OutOfRange);
        }
        if next < self.lists(ssrc).rtcp.next() {
            return Err(CounterError::Backwards);
        }
        let place = self.place_to_set(ssrc)?;
        self.streams[place].lists.rtcp = ReplayList::continuing_at(next);
        Ok(())
    }

    fn place_to_set(&mut self, ssrc: u32) -> Result<usize, CounterError> {
        self.find_or_make(ssrc)
            .map_err(|TableFull| CounterError::TooManyStreams)
    }

    #[inline(always)]
    fn stride(&self) -> usize {
        (self.rtp_words + self.rtcp_words) as usize
    }

    /// Which of the bits are the window of a replay list.
    #[inline(always)]
    fn window(&self, place: usize, kind: Kind) -> std::ops::Range<usize> {
        let start = place * self.stride();
        let border = start + self.rtp_words as usize;
        match kind {
            Kind::Rtp => start..border,
            Kind::Rtcp => border..start + self.stride(),
        }
    }

    /// Adds a stream, which is not yet in the hash.
    fn append(&mut self, ssrc: u32) -> usize {
        let place = self.streams.len();
        if place == self.streams.capacity() {
            // A call has one or two streams: no room for four.
            self.streams.reserve_exact(place.max(1));
        }
        self.streams.push(Stream {
            ssrc,
            lists: Lists::default(),
            used: 0,
        });
        self.bits.resize(self.streams.len() * self.stride(), 0);
        if self.positions.len() < 2 * self.streams.len() {
            let positions = (2 * self.streams.len()).next_power_of_two().max(8);
            self.positions = vec![0; positions];
            (0..place).for_each(|place| self.hash_in(place));
        }
        place
    }

    /// Retires the least recently used stream, and gives its place, which is not yet in the hash,
    /// to `ssrc`.
    fn replace_oldest(&mut self, ssrc: u32) -> Result<usize, TableFull> {
        // One that returns frees its own entry among the retired.
        let returns = self.retired.contains_key(&ssrc);
        if self.retired.len() >= self.max_retired && !returns {
            return Err(TableFull);
        }
        let place = (0..self.streams.len())
            .min_by_key(|&place| self.streams[place].used)
            .ok_or(TableFull)?;
        self.hash_out(place);
        let stream = &mut self.streams[place];
        self.retired
            .insert(stream.ssrc, stream.lists.without_windows());
        stream.ssrc = ssrc;
        let stride = self.stride();
        self.bits[place * stride..][..stride].fill(0);
        Ok(place)
    }

    /// Where the hash of an SSRC starts. The table is bounded, so that chosen SSRCs can't make it
    /// slow.
    fn home(&self, ssrc: u32) -> usize {
        let hash = u64::from(ssrc).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> 32) as usize & (self.positions.len() - 1)
    }

    #[inline(never)]
    fn find_hashed(&self, ssrc: u32) -> Option<usize> {
        if self.positions.is_empty() {
            return None;
        }
        let mut position = self.home(ssrc);
        loop {
            let place = self.positions[position].checked_sub(1)? as usize;
            if self.streams[place].ssrc == ssrc {
                return Some(place);
            }
            position = (position + 1) & (self.positions.len() - 1);
        }
    }

    fn hash_in(&mut self, place: usize) {
        let mut position = self.home(self.streams[place].ssrc);
        while self.positions[position] != 0 {
            position = (position + 1) & (self.positions.len() - 1);
        }
        self.positions[position] = place as u32 + 1;
    }

    fn hash_out(&mut self, place: usize) {
        let mask = self.positions.len() - 1;
        let mut hole = self.home(self.streams[place].ssrc);
        while self.positions[hole] != place as u32 + 1 {
            hole = (hole + 1) & mask;
        }
        // Whatever stands behind and could stand in the hole moves there, so that no search ends
        // early.
        let mut position = hole;
        loop {
            position = (position + 1) & mask;
            let Some(place) = self.positions[position].checked_sub(1) else {
                break;
            };
            let home = self.home(self.streams[place as usize].ssrc);
            if position.wrapping_sub(home) & mask >= position.wrapping_sub(hole) & mask {
                self.positions[hole] = self.positions[position];
                hole = position;
            }
        }
        self.positions[hole] = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn rtp(table: &StreamTable, ssrc: u32, index: u64) -> Verdict {
        table.check(&table.known(ssrc, Kind::Rtp), Kind::Rtp, index)
    }

    fn use_index(table: &mut StreamTable, ssrc: u32, index: u64) -> Result<(), TableFull> {
        let place = table.find_or_make(ssrc)?;
        table.enter(place, Kind::Rtp, index);
        Ok(())
    }

    #[test]
    fn the_least_recently_used_gives_way_and_its_floor_is_kept() {
        let mut table = StreamTable::new(2, 1, 64, 64);
        for (ssrc, index) in [(1, 10), (2, 20), (1, 11), (3, 30)] {
            assert_eq!(use_index(&mut table, ssrc, index), Ok(()));
        }
        assert_eq!(table.find(2), None);
        assert_eq!(table.lists(2).rtp.highest(), Some(20));
        // 2 returns for 1, and nothing up to its floor is new.
        assert_eq!(use_index(&mut table, 2, 22), Ok(()));
        assert_eq!(table.find(1), None);
        assert_eq!(rtp(&table, 2, 20), Verdict::TooOld);
        assert_eq!(rtp(&table, 2, 21), Verdict::New);
        assert_eq!(rtp(&table, 2, 22), Verdict::Used);
        // There is no place to remember a third.
        assert_eq!(use_index(&mut table, 4, 1), Err(TableFull));
        assert_eq!(use_index(&mut table, 3, 31), Ok(()));
    }

    /// A call has one or two streams, and pays for no more. The hash stays half empty.
    #[test]
    fn tables_grow_with_their_streams() {
        let mut table = StreamTable::new(100, 0, 64, 64);
        for (ssrc, streams) in (1..=100).zip(1_usize..) {
            assert_eq!(use_index(&mut table, ssrc, 1), Ok(()));
            assert_eq!(table.streams.capacity(), streams.next_power_of_two());
            let positions = (2 * streams).next_power_of_two().max(8);
            assert_eq!(table.positions.len(), positions);
        }
    }

    /// SSRCs that somebody counts up do not stand in each other's way.
    #[test]
    fn the_hash_spreads_ssrcs() {
        let mut table = StreamTable::new(64, 0, 64, 64);
        for ssrc in 0..64 {
            assert_eq!(use_index(&mut table, ssrc, 1), Ok(()));
        }
        let mut homes: Vec<_> = (0..64).map(|ssrc| table.home(ssrc)).collect();
        homes.sort_unstable();
        homes.dedup();
        assert!(homes.len() > 40, "{}", homes.len());
    }

    #[test]
    fn counters_only_go_forwards() {
        let mut table = StreamTable::new(8, 8, 64, 64);
        assert_eq!(table.roc(1), None);
        assert_eq!(table.set_roc(1, 3, 0), Ok(()));
        assert_eq!(table.roc(1), Some(3));
        assert_eq!(use_index(&mut table, 1, (3 << 16) + 5), Ok(()));
        assert_eq!(table.set_roc(1, 3, 0), Ok(()));
        assert_eq!(rtp(&table, 1, (3 << 16) + 5), Verdict::Used);
        assert_eq!(table.set_roc(1, 2, 0), Err(CounterError::Backwards));
        assert_eq!(table.set_roc(1, 9, 0), Ok(()));
        assert_eq!(rtp(&table, 1, (3 << 16) + 6), Verdict::TooOld);
        assert_eq!(table.set_rtcp_index(1, 7), Ok(()));
        assert_eq!(table.set_rtcp_index(1, 6), Err(CounterError::Backwards));
        assert_eq!(
            table.set_rtcp_index(1, RTCP_INDEX_MAX + 1),
            Err(CounterError::OutOfRange)
        );
    }

    proptest! {
        /// The hash finds what a map finds, over many evictions.
        #[test]
        fn it_agrees_with_a_map(
            max in 1_usize..20,
            ssrcs in prop::collection::vec(0_u32..40, 1..300),
        ) {
            let mut table = StreamTable::new(max, 64, 64, 64);
            let mut used = HashMap::new();
            for (clock, &ssrc) in ssrcs.iter().enumerate() {
                if !used.contains_key(&ssrc) && used.len() == max {
                    let oldest = *used.iter().min_by_key(|(_, clock)| **clock).expect("full").0;
                    used.remove(&oldest);
                }
                used.insert(ssrc, clock);
                prop_assert_eq!(use_index(&mut table, ssrc, clock as u64), Ok(()));
                prop_assert_eq!(table.len(), used.len());
                for ssrc in 0..40 {
                    let place = table.find(ssrc);
                    prop_assert_eq!(place.is_some(), used.contains_key(&ssrc));
                    if let Some(&clock) = used.get(&ssrc) {
                        prop_assert_eq!(rtp(&table, ssrc, clock as u64), Verdict::Used);
                    }
                }
            }
        }
    }
}
