//! The fields an organisation's registry lacks, as a tree the writer walks along with its own path.

/// The paths to leave out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Omit {
    /// Node 0 is the root; a child is the key, and the index of its node or `None` where a path
    /// ends.
    nodes: Vec<Vec<(String, Option<usize>)>>,
}

/// Where the writer is in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// No path to leave out passes here: nothing below needs looking up.
    Off,
    /// On the way of at least one path.
    On(usize),
}

impl Omit {
    pub(crate) fn root(&self) -> Place {
        if self.nodes.is_empty() {
            Place::Off
        } else {
            Place::On(0)
        }
    }

    /// The place of `key` below `place`; `None` when it is to be left out.
    pub(crate) fn step(&self, place: Place, key: &[u8]) -> Option<Place> {
        let Place::On(index) = place else {
            return Some(Place::Off);
        };
        let children = self.nodes.get(index).map_or(&[][..], Vec::as_slice);
        match children.iter().find(|(name, _)| name.as_bytes() == key) {
            None => Some(Place::Off),
            Some((_, next)) => next.map(Place::On),
        }
    }

    pub(crate) fn add(&mut self, path: &str) {
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
