//! Where in its document an event names its customer and its program: looked up once for each
//! shape.

use crate::catalog::key::Key;
use crate::input::customer::CustomerLocations;
use crate::input::program::ProgramLocations;
use crate::json::{Members, Value};

/// Positions in the documents of one shape.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    /// The documents' shape, and the position of `data`.
    of: (u64, u32),
    pub(crate) customer: CustomerLocations,
    pub(crate) program: ProgramLocations,
}

impl Locations {
    /// Those of a document's `data`.
    #[inline(always)]
    pub(crate) fn fill(&mut self, data: Members<'_, '_>) -> &Self {
        let of = (data.object().shape(), data.object().position());
        if self.of != of {
            *self = Self::of(data);
        }
        self
    }

    #[inline(never)]
    fn of(data: Members<'_, '_>) -> Self {
        let block = data
            .get(Key::CustomerIdentifiers)
            .and_then(Value::as_object);
        Self {
            of: (data.object().shape(), data.object().position()),
            customer: block.map(CustomerLocations::of).unwrap_or_default(),
            program: ProgramLocations::of(data),
        }
    }
}
