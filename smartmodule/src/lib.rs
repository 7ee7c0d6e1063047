//! Maps raw Capillary loyalty events to Experience Data Model records.
