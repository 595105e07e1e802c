//! Alerts (RFC 8446 §6).

use super::reader::{DecodeError, Reader, Wire};
use super::{AlertDescription, AlertLevel, Writer};

/// An alert: two bytes, never fragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) level: AlertLevel,
    pub(crate) description: AlertDescription,
}

impl<'a> Wire<'a> for Alert {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            level: AlertLevel::read(reader)?,
            description: AlertDescription::read(reader)?,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.level.write(writer);
        self.description.write(writer);
    }
}
