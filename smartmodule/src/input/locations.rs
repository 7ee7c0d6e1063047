//! Where the customer and the program stand in events of one shape: looked for once.

use crate::catalog::key::Key;
use crate::input::customer::CustomerPlaces;
use crate::input::program::ProgramPlaces;
use crate::json::{Members, Value};

/// Positions in the documents of one shape.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The documents' shape, and the position of `data`.
    of: (u64, u32),
    pub(crate) customer: CustomerPlaces,
    pub(crate) program: ProgramPlaces,
}

impl Places {
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
        let block = data.get(Key::CustomerIdentifiers).filter(Value::is_object);
        Self {
            of: (data.object().shape(), data.object().position()),
            customer: block.map(CustomerPlaces::of).unwrap_or_default(),
            program: ProgramPlaces::of(data),
        }
    }
}
