//! The JSON around a record, by the format of the inlet. Everything that does not change is written
//! once; an entity is spliced in unparsed. `endpoint` says which requests a format makes.

use std::io::Write as _;

use serde::Serialize;

use super::capillary_source;
use crate::config::{Inlet, SchemaRef};

/// Largest request body in bytes. The documents say "1 MB" without saying which; this is the
/// smaller reading.
pub(crate) const MAX_BODY: usize = 1_000_000;

/// `header.source.name`: who sent it.
const SOURCE: &str = "capillary-aep-sink";

const BATCH_OPEN: &[u8] = br#"{"messages":["#;
const BATCH_CLOSE: &[u8] = b"]}";

/// The constant text before and after an entity. Its length is known without writing it, so a batch
/// can be filled to the byte before anything is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// The entity alone (raw flows).
    Bare,
    /// The entity alone, in the [shape](capillary_source) of Adobe's Capillary source.
    CapillarySource,
    /// `before` entity `after` (upserts).
    Fixed { before: Vec<u8>, after: Vec<u8> },
    /// `before` createdAt `between` entity `after` (XDM).
    Dated {
        before: Vec<u8>,
        between: Vec<u8>,
        after: Vec<u8>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct XdmHeader<'a> {
    schema_ref: Schema<'a>,
    ims_org_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_id: Option<&'a str>,
    source: Source,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Schema<'a> {
    id: &'a str,
    content_type: &'a str,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpsertHeader<'a> {
    flow_id: &'a str,
    ims_org_id: &'a str,
    dataset_id: &'a str,
    operations: Operations<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Operations<'a> {
    data: &'static str,
    #[serde(flatten)]
    identity: Option<Identity<'a>>,
}

/// Identities of upserted records are only created with a dataset of their own to keep them in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    identity: &'static str,
    identity_dataset_id: &'a str,
}

impl Envelope {
    /// The XDM envelope. The schema is in it twice and must be the same both times.
    pub(crate) fn xdm(
        organization: &str,
        inlet: &Inlet,
        schema: &SchemaRef,
    ) -> Result<Self, serde_json::Error> {
        let schema = Schema {
            id: &schema.id,
            content_type: &schema.content_type,
        };
        let mut before = br#"{"header":"#.to_vec();
        serde_json::to_writer(
            &mut before,
            &XdmHeader {
                schema_ref: schema,
                ims_org_id: organization,
                dataset_id: inlet.dataset_id.as_deref(),
                flow_id: inlet.flow_id.as_deref(),
                source: Source { name: SOURCE },
            },
        )?;
        // Opened again to append the one member that changes.
        before.pop();
        before.extend_from_slice(br#","createdAt":"#);
        let mut between = br#"},"body":{"xdmMeta":{"schemaRef":"#.to_vec();
        serde_json::to_writer(&mut between, &schema)?;
        between.extend_from_slice(br#"},"xdmEntity":"#);
        Ok(Self::Dated {
            before,
            between,
            after: b"}}".to_vec(),
        })
    }

    /// The streaming upsert: `merge` changes what the record states and nothing else.
    pub(crate) fn upsert(
        organization: &str,
        flow: &str,
        dataset: &str,
        identity_dataset: Option<&str>,
    ) -> Result<Self, serde_json::Error> {
        let mut before = br#"{"header":"#.to_vec();
        serde_json::to_writer(
            &mut before,
            &UpsertHeader {
                flow_id: flow,
                ims_org_id: organization,
                dataset_id: dataset,
                operations: Operations {
                    data: "merge",
                    identity: identity_dataset.map(|identity_dataset_id| Identity {
                        identity: "create",
                        identity_dataset_id,
                    }),
                },
            },
        )?;
        before.extend_from_slice(br#","body":"#);
        Ok(Self::Fixed {
            before,
            after: b"}".to_vec(),
        })
    }

    /// The exact length of one message.
    pub(crate) fn len(&self, created_at: i64, entity: &[u8]) -> usize {
        entity.len()
            + match self {
                Self::Bare => 0,
                Self::CapillarySource => {
                    let pieces = capillary_source::pieces(entity);
                    return pieces.map(<[u8]>::len).sum();
                }
                Self::Fixed { before, after } => before.len() + after.len(),
                Self::Dated {
                    before,
                    between,
                    after,
                } => before.len() + digits(created_at) + between.len() + after.len(),
            }
    }

    /// Appends one message to a body.
    pub(crate) fn write(&self, created_at: i64, entity: &[u8], body: &mut Vec<u8>) {
        match self {
            Self::Bare => body.extend_from_slice(entity),
            Self::CapillarySource => {
                capillary_source::pieces(entity).for_each(|piece| body.extend_from_slice(piece));
            }
            Self::Fixed { before, after } => {
                body.extend_from_slice(before);
                body.extend_from_slice(entity);
                body.extend_from_slice(after);
            }
            Self::Dated {
                before,
                between,
                after,
            } => {
                body.extend_from_slice(before);
                // Writing to memory does not fail.
                let _ = write!(body, "{created_at}");
                body.extend_from_slice(between);
                body.extend_from_slice(entity);
                body.extend_from_slice(after);
            }
        }
    }
}

/// Length of a batch of `count` messages of `sum` bytes together.
pub(crate) fn batch_len(count: usize, sum: usize) -> usize {
    BATCH_OPEN.len() + sum + count.saturating_sub(1) + BATCH_CLOSE.len()
}

/// The body of a batch, in one allocation of exactly its size.
pub(super) fn batch<'a>(
    envelope: &Envelope,
    entities: impl Iterator<Item = (i64, &'a [u8])> + Clone,
) -> Vec<u8> {
    let (count, sum) = entities.clone().fold((0, 0), |(count, sum), (at, entity)| {
        (count + 1, sum + envelope.len(at, entity))
    });
    let mut body = Vec::with_capacity(batch_len(count, sum));
    body.extend_from_slice(BATCH_OPEN);
    for (index, (at, entity)) in entities.enumerate() {
        if index > 0 {
            body.push(b',');
        }
        envelope.write(at, entity, &mut body);
    }
    body.extend_from_slice(BATCH_CLOSE);
    body
}

/// Characters of a number in decimal.
fn digits(number: i64) -> usize {
    let sign = usize::from(number < 0);
    sign + number
        .unsigned_abs()
        .checked_ilog10()
        .map_or(1, |log| log as usize + 1)
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    pub(crate) fn inlet() -> Inlet {
        Inlet {
            url: "http://127.0.0.1/collection/x".parse().unwrap(),
            batch_url: "http://127.0.0.1/collection/batch/x".parse().unwrap(),
            dataset_id: Some("5f0c".to_owned()),
            flow_id: Some("flow-\"1\"".to_owned()),
        }
    }

    fn xdm() -> Envelope {
        let schema = SchemaRef {
            id: "https://ns.adobe.com/t/schemas/s".into(),
            content_type: "application/x;version=1".into(),
        };
        Envelope::xdm("O@AdobeOrg", &inlet(), &schema).unwrap()
    }

    #[test]
    fn xdm_message_is_the_documented_envelope() {
        let mut body = Vec::new();
        xdm().write(1_526_283_801_869, br#"{"_id":"a"}"#, &mut body);
        let schema = json!({"id": "https://ns.adobe.com/t/schemas/s",
            "contentType": "application/x;version=1"});
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({
                "header": {"schemaRef": schema, "imsOrgId": "O@AdobeOrg", "datasetId": "5f0c",
                "flowId": "flow-\"1\"",
                           "source": {"name": "capillary-aep-sink"},
                           "createdAt": 1_526_283_801_869_i64},
                "body": {"xdmMeta": {"schemaRef": schema}, "xdmEntity": {"_id": "a"}},
            })
        );
    }

    #[test]
    fn upsert_merges_and_creates_identities_only_with_their_dataset() {
        for identity in [None, Some("ids")] {
            let mut body = Vec::new();
            Envelope::upsert("O@AdobeOrg", "f", "d", identity)
                .unwrap()
                .write(0, b"{\"a\":1}", &mut body);
            let operations = match identity {
                None => json!({"data": "merge"}),
                Some(_) => {
                    json!({"data": "merge", "identity": "create", "identityDatasetId": "ids"})
                }
            };
            assert_eq!(
                serde_json::from_slice::<Value>(&body).unwrap(),
                json!({"header": {"flowId": "f", "imsOrgId": "O@AdobeOrg", "datasetId": "d",
                    "operations": operations}, "body": {"a": 1}})
            );
        }
    }

    #[test]
    fn length_in_the_shape_of_adobes_source_is_known_before_it_is_written() {
        for entity in [
            "{}",
            r#"{"identityMap":{"Email":[{"id":"a@b.example","primary":true}]}}"#,
            r#"{"identityMap":{"C":[{"id":"1"}],"email":[{"id":"a"}]},"productListItems":[{"SKU":"1"}]}"#,
        ] {
            let mut body = Vec::new();
            Envelope::CapillarySource.write(0, entity.as_bytes(), &mut body);
            let len = Envelope::CapillarySource.len(0, entity.as_bytes());
            assert_eq!(body.len(), len, "{entity}");
            assert!(serde_json::from_slice::<Value>(&body).is_ok(), "{entity}");
        }
    }

    #[test]
    fn batch_length_is_known_to_the_byte_before_it_is_written() {
        let envelope = xdm();
        for times in [
            &[][..],
            &[0],
            &[5, -7, 1_700_000_000_000],
            &[9, 10, 99, 100, i64::MIN, i64::MAX],
        ] {
            let entity = br#"{"_id":"a"}"#;
            let body = batch(&envelope, times.iter().map(|at| (*at, &entity[..])));
            let sum = times.iter().map(|at| envelope.len(*at, entity)).sum();
            assert_eq!(body.len(), batch_len(times.len(), sum));
            assert_eq!(
                body.capacity(),
                body.len(),
                "one allocation, exactly as large as needed"
            );
            let parsed: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(parsed["messages"].as_array().unwrap().len(), times.len());
        }
    }
}
