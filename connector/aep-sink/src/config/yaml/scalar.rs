//! Values that need reading beyond their YAML type: durations, sizes, partitions, starting points.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};

use crate::config::model::Start;

/// Longer than any pause, timeout or retention somebody means; far below what time arithmetic can
/// hold.
const MAX_PERIOD: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// What [`Period`] and [`Size`] expect, in words.
pub(in crate::config) const PERIOD: &str =
    "a duration with its unit, such as `200ms`, `30s` or `90d`, at most 100 years";
pub(in crate::config) const SIZE: &str = "a size such as `900kB` or `16MiB`, or a number of bytes";

/// A duration such as `200ms` or `90d`.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Period(pub(in crate::config) Duration);

/// A number of bytes, as a number or as text such as `16MiB`.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Size(pub(in crate::config) u64);

/// `meta.consumer.partition` as written.
#[derive(Debug, Clone)]
pub(in crate::config) enum Partition {
    All,
    Listed(Vec<u32>),
    Share { index: ShareIndex, of: u32 },
}

/// `index` of a share of the partitions.
#[derive(Debug, Clone)]
pub(in crate::config) enum ShareIndex {
    Number(u32),
    /// The environment variable it is in.
    Env(String),
}

/// What [`Partition`] expects, in words.
const PARTITION: &str =
    "`all`, a partition's number, a list of numbers, or {index: N, of: M} with N below M";

/// `meta.consumer.offset.start` as written.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct StartAt(pub(in crate::config) Start);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Period;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(PERIOD)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
                let period = humantime::parse_duration(text)
                    .ok()
                    .filter(|period| *period <= MAX_PERIOD);
                period
                    .map(Period)
                    .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SIZE)
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                let size = text.parse::<ByteSize>();
                size.map(|size| Size(size.as_u64()))
                    .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for Partition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Partition;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(PARTITION)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Partition, E> {
                let partition = u32::try_from(number);
                partition
                    .map(|partition| Partition::Listed(vec![partition]))
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Partition, E> {
                match text {
                    "all" => Ok(Partition::All),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Partition, A::Error> {
                let mut listed = Vec::new();
                while let Some(partition) = items.next_element()? {
                    listed.push(partition);
                }
                Ok(Partition::Listed(listed))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Partition, A::Error> {
                let (mut index, mut of) = (None, None);
                while let Some(key) = entries.next_key::<String>()? {
                    match key.as_str() {
                        "index" => index = Some(entries.next_value()?),
                        "of" => of = Some(entries.next_value()?),
                        _ => return Err(de::Error::invalid_type(Unexpected::Map, &self)),
                    }
                }
                match (index, of) {
                    (Some(index), Some(of)) => Ok(Partition::Share { index, of }),
                    _ => Err(de::Error::invalid_type(Unexpected::Map, &self)),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for ShareIndex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = ShareIndex;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number from 0 on, or {env: NAME}")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<ShareIndex, E> {
                u32::try_from(number)
                    .map(ShareIndex::Number)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<ShareIndex, A::Error> {
                let name = match entries.next_key::<String>()?.as_deref() {
                    Some("env") => entries.next_value()?,
                    _ => return Err(de::Error::invalid_type(Unexpected::Map, &self)),
                };
                match entries.next_key::<String>()? {
                    None => Ok(ShareIndex::Env(name)),
                    Some(_) => Err(de::Error::invalid_type(Unexpected::Map, &self)),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for StartAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = StartAt;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "`beginning`, `end`, or one of {absolute: N}, {from-beginning: N}, \
                    {from-end: N}",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StartAt, E> {
                match text {
                    "beginning" => Ok(StartAt(Start::Beginning)),
                    "end" => Ok(StartAt(Start::End)),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<StartAt, A::Error> {
                let start = match entries.next_key::<String>()?.as_deref() {
                    Some("absolute") => match entries.next_value::<i64>()? {
                        // Offsets count from 0; the wire's own "-1" means something else.
                        offset @ 0.. => Start::Absolute(offset),
                        offset => {
                            return Err(de::Error::invalid_value(
                                Unexpected::Signed(offset),
                                &self,
                            ));
                        }
                    },
                    Some("from-beginning") => Start::FromBeginning(entries.next_value()?),
                    Some("from-end") => Start::FromEnd(entries.next_value()?),
                    _ => return Err(de::Error::invalid_type(Unexpected::Map, &self)),
                };
                match entries.next_key::<String>()? {
                    None => Ok(StartAt(start)),
                    Some(_) => Err(de::Error::invalid_type(Unexpected::Map, &self)),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}
