//! Requests to an inlet.

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue};

use super::envelope::{self, Envelope, MAX_BODY};
use crate::config::{Events, Inlet, Platform, Profiles};

/// Where the records of one kind go, and in which form.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    url: Url,
    headers: HeaderMap,
    envelope: Envelope,
    /// Whether records travel in `messages`. Raw and upsert bodies do not: no document says that
    /// `/collection/batch/` takes them, and statements about a profile must not overtake one another inside a batch.
    batched: bool,
    /// Whether a statement changes what it names and nothing else, so that several about one profile can be one.
    merges: bool,
}

/// One request, without its token: that is added to each attempt anew.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A configured value that cannot be used in a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error("{name} cannot be sent as an HTTP header")]
    Header {
        name: &'static str,
        source: InvalidHeaderValue,
    },
    #[error("the envelope cannot be written")]
    Envelope(#[from] serde_json::Error),
}

impl Endpoint {
    /// The endpoint of `experience-platform.events`.
    pub(crate) fn events(platform: &Platform) -> Result<Self, EndpointError> {
        let sandbox = platform.sandbox.as_deref();
        match &platform.events {
            Events::Xdm { inlet, schema } => Ok(Self {
                url: inlet.batch_url.clone(),
                headers: headers(sandbox, None)?,
                envelope: Envelope::xdm(&platform.organization_id, inlet, schema)?,
                batched: true,
                merges: false,
            }),
            Events::Raw { inlet, flow_id } => Self::raw(inlet, flow_id, sandbox),
        }
    }

    /// The endpoint of `experience-platform.profiles`.
    pub(crate) fn profiles(platform: &Platform, profiles: &Profiles) -> Result<Self, EndpointError> {
        let sandbox = platform.sandbox.as_deref();
        match profiles {
            Profiles::Upsert {
                inlet,
                flow_id,
                dataset_id,
                identity_dataset_id,
            } => Ok(Self {
                url: inlet.url.clone(),
                headers: headers(sandbox, Some(flow_id))?,
                envelope: Envelope::upsert(
                    &platform.organization_id,
                    flow_id,
                    dataset_id,
                    identity_dataset_id.as_deref(),
                )?,
                batched: false,
                merges: true,
            }),
            Profiles::Raw { inlet, flow_id } => Self::raw(inlet, flow_id, sandbox),
            Profiles::Xdm { inlet, schema } => Ok(Self {
                url: inlet.url.clone(),
                headers: headers(sandbox, None)?,
                envelope: Envelope::xdm(&platform.organization_id, inlet, schema)?,
                batched: false,
                merges: false,
            }),
        }
    }

    /// The endpoint that validates an event before it acknowledges it; `None` where events are not XDM on the wire. What
    /// passes is ingested; what does not is dropped.
    pub(crate) fn validation(platform: &Platform) -> Result<Option<Self>, EndpointError> {
        let Events::Xdm { inlet, schema } = &platform.events else {
            return Ok(None);
        };
        let mut url = inlet.url.clone();
        url.set_query(Some("syncValidation=true"));
        Ok(Some(Self {
            url,
            headers: headers(platform.sandbox.as_deref(), None)?,
            envelope: Envelope::xdm(&platform.organization_id, inlet, schema)?,
            batched: false,
            merges: false,
        }))
    }

    fn raw(inlet: &Inlet, flow_id: &str, sandbox: Option<&str>) -> Result<Self, EndpointError> {
        Ok(Self {
            url: inlet.url.clone(),
            headers: headers(sandbox, Some(flow_id))?,
            envelope: Envelope::Bare,
            batched: false,
            merges: false,
        })
    }

    pub(crate) fn merges(&self) -> bool {
        self.merges
    }

    pub(crate) fn batched(&self) -> bool {
        self.batched
    }

    /// The length of one record on the wire, without what a batch puts around it.
    pub(crate) fn wire_len(&self, created_at: i64, entity: &[u8]) -> usize {
        self.envelope.len(created_at, entity)
    }

    /// The length of a request with `count` records of `sum` bytes together.
    pub(crate) fn body_len(&self, count: usize, sum: usize) -> usize {
        if self.batched {
            envelope::batch_len(count, sum)
        } else {
            sum
        }
    }

    /// Whether a record can be sent at all. One that cannot is never tried: the answer is known.
    pub(crate) fn fits(&self, wire_len: usize) -> bool {
        self.body_len(1, wire_len) <= MAX_BODY
    }

    /// A request that shows whether the inlet is there and takes the credential, and that cannot be ingested: its body is
    /// no JSON, and so no message.
    pub(crate) fn probe(&self) -> Request {
        Request {
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: Bytes::from_static(b"{"),
        }
    }

    /// A request with these records (creation time, entity). An endpoint that is not batched takes exactly one.
    pub(crate) fn request<'a>(&self, entities: impl Iterator<Item = (i64, &'a [u8])> + Clone) -> Request {
        let body = if self.batched {
            envelope::batch(&self.envelope, entities)
        } else {
            let mut body = Vec::with_capacity(entities.clone().map(|(at, entity)| self.wire_len(at, entity)).sum());
            for (at, entity) in entities {
                self.envelope.write(at, entity, &mut body);
            }
            body
        };
        Request {
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: Bytes::from(body),
        }
    }
}

fn headers(sandbox: Option<&str>, flow_id: Option<&str>) -> Result<HeaderMap, EndpointError> {
    let value = |name: &'static str, text: &str| {
        HeaderValue::from_str(text).map_err(|source| EndpointError::Header { name, source })
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(sandbox) = sandbox {
        headers.insert("x-sandbox-name", value("x-sandbox-name", sandbox)?);
    }
    if let Some(flow_id) = flow_id {
        headers.insert("x-adobe-flow-id", value("x-adobe-flow-id", flow_id)?);
    }
    Ok(headers)
}
