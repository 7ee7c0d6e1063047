//! Requests to an inlet.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Uri;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue, USER_AGENT};
use hyper::http::uri::InvalidUri;
use url::Url;

use super::envelope::{self, Envelope, MAX_BODY};
use crate::config::{Events, Inlet, Platform, Profiles, RawShape};
use crate::http;

/// Where the records of one kind go, and in which form.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    head: Arc<Head>,
    envelope: Arc<Envelope>,
    /// Whether records travel in `messages`. Raw and upsert bodies do not: no document says that
    /// `/collection/batch/` takes them, and statements about a profile must not overtake one
    /// another inside a batch.
    batched: bool,
    /// Whether a statement changes what it names and nothing else, so that several about one
    /// profile can be one.
    merges: bool,
}

/// What every request of an endpoint begins with.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

/// One request, without its token: that is added to each attempt.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: Arc<Head>,
    pub(crate) body: Body,
}

/// The body of a request. It is written when it is sent: most of a request's life is waiting, for
/// its turn and for its response, and hundreds of written bodies would fill the memory meanwhile.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// Records in what surrounds them: creation times and entities.
    Records {
        envelope: Arc<Envelope>,
        batched: bool,
        entities: Vec<(i64, Bytes)>,
    },
    /// No message.
    Nonsense,
}

/// The body of a probe: no JSON, and so no message.
const NONSENSE: &[u8] = b"{";

/// A configured value that cannot be used in a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error("{name} cannot be sent as an HTTP header")]
    Header {
        name: &'static str,
        source: InvalidHeaderValue,
    },
    #[error("{url} cannot be asked for over HTTP: {source}")]
    Url { url: Url, source: InvalidUri },
    #[error("the envelope cannot be written")]
    Envelope(#[from] serde_json::Error),
}

impl Endpoint {
    /// The endpoint of `experience-platform.events`.
    pub(crate) fn events(platform: &Platform) -> Result<Self, EndpointError> {
        let sandbox = platform.sandbox.as_deref();
        match &platform.events {
            Events::Xdm { inlet, schema } => Ok(Self {
                head: head(&inlet.batch_url, headers(sandbox, None)?)?,
                envelope: Arc::new(Envelope::xdm(&platform.organization_id, inlet, schema)?),
                batched: true,
                merges: false,
            }),
            Events::Raw {
                inlet,
                flow_id,
                shape,
            } => Self::raw(inlet, flow_id, *shape, sandbox),
        }
    }

    /// The endpoint of `experience-platform.profiles`.
    pub(crate) fn profiles(
        platform: &Platform,
        profiles: &Profiles,
    ) -> Result<Self, EndpointError> {
        let sandbox = platform.sandbox.as_deref();
        match profiles {
            Profiles::Upsert {
                inlet,
                flow_id,
                dataset_id,
                identity_dataset_id,
            } => Ok(Self {
                head: head(&inlet.url, headers(sandbox, Some(flow_id))?)?,
                envelope: Arc::new(Envelope::upsert(
                    &platform.organization_id,
                    flow_id,
                    dataset_id,
                    identity_dataset_id.as_deref(),
                )?),
                batched: false,
                merges: true,
            }),
            Profiles::Raw {
                inlet,
                flow_id,
                shape,
            } => Self::raw(inlet, flow_id, *shape, sandbox),
            Profiles::Xdm { inlet, schema } => Ok(Self {
                head: head(&inlet.url, headers(sandbox, None)?)?,
                envelope: Arc::new(Envelope::xdm(&platform.organization_id, inlet, schema)?),
                batched: false,
                merges: false,
            }),
        }
    }

    /// The endpoint that validates an event before it acknowledges it; `None` where events are not
    /// XDM on the wire. What passes is ingested; what does not is dropped.
    pub(crate) fn validation(platform: &Platform) -> Result<Option<Self>, EndpointError> {
        let Events::Xdm { inlet, schema } = &platform.events else {
            return Ok(None);
        };
        let mut url = inlet.url.clone();
        url.set_query(Some("syncValidation=true"));
        Ok(Some(Self {
            head: head(&url, headers(platform.sandbox.as_deref(), None)?)?,
            envelope: Arc::new(Envelope::xdm(&platform.organization_id, inlet, schema)?),
            batched: false,
            merges: false,
        }))
    }

    fn raw(
        inlet: &Inlet,
        flow_id: &str,
        shape: RawShape,
        sandbox: Option<&str>,
    ) -> Result<Self, EndpointError> {
        Ok(Self {
            head: head(&inlet.url, headers(sandbox, Some(flow_id))?)?,
            envelope: Arc::new(match shape {
                RawShape::Xdm => Envelope::Bare,
                RawShape::CapillarySource => Envelope::CapillarySource,
            }),
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

    /// Whether a record can be sent at all. One that cannot is never tried: the response is known.
    pub(crate) fn fits(&self, wire_len: usize) -> bool {
        self.body_len(1, wire_len) <= MAX_BODY
    }

    /// A request that shows whether the inlet is there and takes the credential, and that cannot be
    /// ingested: its body is no JSON, and so no message.
    pub(crate) fn probe(&self) -> Request {
        Request {
            head: Arc::clone(&self.head),
            body: Body::Nonsense,
        }
    }

    /// A request with these records (creation time, entity). An endpoint that is not batched takes
    /// exactly one.
    pub(crate) fn request(&self, entities: Vec<(i64, Bytes)>) -> Request {
        Request {
            head: Arc::clone(&self.head),
            body: Body::Records {
                envelope: Arc::clone(&self.envelope),
                batched: self.batched,
                entities,
            },
        }
    }
}

impl Body {
    /// The bytes that go over the wire; the same each time.
    pub(crate) fn write(&self) -> Bytes {
        let Self::Records {
            envelope,
            batched,
            entities,
        } = self
        else {
            return Bytes::from_static(NONSENSE);
        };
        if *batched {
            return envelope::batch(
                envelope,
                entities.iter().map(|(at, entity)| (*at, &entity[..])),
            )
            .into();
        }
        let mut body = Vec::with_capacity(self.len());
        for (at, entity) in entities {
            envelope.write(*at, entity, &mut body);
        }
        body.into()
    }

    /// The records in it, with their creation times.
    pub(crate) fn entities(&self) -> &[(i64, Bytes)] {
        match self {
            Self::Records { entities, .. } => entities,
            Self::Nonsense => &[],
        }
    }

    /// How many bytes that is, without writing them.
    pub(crate) fn len(&self) -> usize {
        let Self::Records {
            envelope,
            batched,
            entities,
        } = self
        else {
            return NONSENSE.len();
        };
        let sum = entities
            .iter()
            .map(|(at, entity)| envelope.len(*at, entity))
            .sum();
        if *batched {
            envelope::batch_len(entities.len(), sum)
        } else {
            sum
        }
    }
}

fn head(url: &Url, headers: HeaderMap) -> Result<Arc<Head>, EndpointError> {
    let uri = url.as_str().parse().map_err(|source| EndpointError::Url {
        url: url.clone(),
        source,
    })?;
    Ok(Arc::new(Head { uri, headers }))
}

fn headers(sandbox: Option<&str>, flow_id: Option<&str>) -> Result<HeaderMap, EndpointError> {
    let value = |name: &'static str, text: &str| {
        HeaderValue::from_str(text).map_err(|source| EndpointError::Header { name, source })
    };
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(http::USER_AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(sandbox) = sandbox {
        headers.insert("x-sandbox-name", value("x-sandbox-name", sandbox)?);
    }
    if let Some(flow_id) = flow_id {
        headers.insert("x-adobe-flow-id", value("x-adobe-flow-id", flow_id)?);
    }
    Ok(headers)
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_length_is_known_before_it_is_written() {
        let envelope = Arc::new(Envelope::upsert("O@AdobeOrg", "f", "d", None).unwrap());
        let entity = |text: &'static str| (7, Bytes::from_static(text.as_bytes()));
        for (batched, entities) in [
            (false, vec![entity("{}")]),
            (true, vec![]),
            (true, vec![entity("{}"), entity("{\"a\":1}")]),
        ] {
            let body = Body::Records {
                envelope: Arc::clone(&envelope),
                batched,
                entities,
            };
            assert_eq!(body.len(), body.write().len());
        }
        assert_eq!(Body::Nonsense.len(), Body::Nonsense.write().len());
    }
}
