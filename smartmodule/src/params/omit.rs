//! The fields of `omit-fields`, as a tree the writer descends along with its own path.

/// The paths to leave out.
#[derive(Debug, Clone, Default)]
pub(crate) struct OmittedFields {
    /// Node 0 is the root; a child is the key, and the index of its node or `None` where a path
    /// ends.
    nodes: Vec<Vec<(String, Option<usize>)>>,
}

/// The paths to leave out of each entity.
#[derive(Debug, Clone, Default)]
pub(crate) struct OmittedByEntity {
    pub(crate) event: OmittedFields,
    pub(crate) profile: OmittedFields,
}

/// The position of the writer in the tree of omitted fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OmitCursor {
    /// No path to leave out passes here: nothing below needs looking up.
    Off,
    /// On the way of at least one path.
    On(usize),
}

impl OmittedFields {
    /// These paths, keys with dots between them.
    pub(crate) fn of(paths: &[String]) -> Self {
        let mut omit = Self::default();
        paths.iter().for_each(|path| omit.add(path));
        omit
    }

    pub(crate) fn root(&self) -> OmitCursor {
        if self.nodes.is_empty() {
            OmitCursor::Off
        } else {
            OmitCursor::On(0)
        }
    }

    /// The cursor for `key` below `cursor`; `None` when `key` is omitted.
    pub(crate) fn step(&self, cursor: OmitCursor, key: &[u8]) -> Option<OmitCursor> {
        let OmitCursor::On(index) = cursor else {
            return Some(OmitCursor::Off);
        };
        let children = self.nodes.get(index).map_or(&[][..], Vec::as_slice);
        match children.iter().find(|(name, _)| name.as_bytes() == key) {
            None => Some(OmitCursor::Off),
            Some((_, next)) => next.map(OmitCursor::On),
        }
    }

    fn add(&mut self, path: &str) {
        if self.nodes.is_empty() {
            self.nodes.push(Vec::new());
        }
        let mut at = 0;
        let mut keys = path.split('.').peekable();
        while let Some(key) = keys.next() {
            let fresh = self.nodes.len();
            let Some(children) = self.nodes.get_mut(at) else {
                return;
            };
            let index = match children.iter().position(|(name, _)| name == key) {
                Some(index) => index,
                None => {
                    children.push((key.to_owned(), Some(fresh)));
                    children.len() - 1
                }
            };
            let Some((_, next)) = children.get_mut(index) else {
                return;
            };
            if keys.peek().is_none() {
                *next = None;
            }
            match *next {
                // This path, or a shorter one, ends here: nothing below matters.
                None => return,
                Some(node) => {
                    at = node;
                    if node == fresh {
                        self.nodes.push(Vec::new());
                    }
                }
            }
        }
    }
}
