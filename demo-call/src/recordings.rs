//! The recordings that are played when none is named, and the folder for those that are made.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::opus::Clip;

/// What a caller plays.
pub(crate) const FIRST: &[u8] = include_bytes!("../assets/first.ogg");

/// What an answering side plays.
pub(crate) const SECOND: &[u8] = include_bytes!("../assets/second.ogg");

/// The recording at `path`, or the one that is built in.
pub(crate) fn clip(path: Option<&Path>, built_in: &'static [u8]) -> Result<Arc<Clip>, Error> {
    let clip = match path {
        Some(path) => Clip::open(path).map_err(Error::clip(path)),
        None => Clip::read(Cursor::new(built_in)).map_err(Error::clip(Path::new("built in"))),
    };
    clip.map(Arc::new)
}

/// Makes the folder for recordings.
pub(crate) fn make_folder(dir: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(Error::folder(dir))
}

/// Whether the recording at `path` holds the packets of `played`, and no others.
pub(crate) fn is_identical(path: &Path, played: &Clip) -> bool {
    Clip::open(path).is_ok_and(|recorded| recorded.packets() == played.packets())
}
