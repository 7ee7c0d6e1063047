//! A configuration to vary.

use std::time::Duration;

use crate::config::{
    BatchLimits, BufferLimits, Concurrency, CredentialNames, DeadLetterTopic, Events, Http, Ims,
    Inlet, LogFormat, Observability, OnEvicted, Platform, Profiles, RateLimits, RawShape,
    RetryLimits, SchemaRef,
};
use crate::secret::Secret;

fn inlet(kind: &str) -> Inlet {
    Inlet {
        url: format!("http://platform/collection/{kind}")
            .parse()
            .unwrap(),
        batch_url: format!("http://platform/collection/batch/{kind}")
            .parse()
            .unwrap(),
        dataset_id: Some("dataset".to_owned()),
        flow_id: Some("flow".to_owned()),
    }
}

pub(super) fn schema() -> SchemaRef {
    SchemaRef {
        id: "https://ns.adobe.com/t/schemas/s".to_owned(),
        content_type: "application/x;version=1".to_owned(),
    }
}

pub(super) fn platform() -> Platform {
    let seconds = Duration::from_secs;
    Platform {
        organization_id: "O@AdobeOrg".to_owned(),
        sandbox: Some("prod".to_owned()),
        api_url: "http://platform".parse().unwrap(),
        ims: Ims {
            client_id: Secret::new("id"),
            client_secret: Secret::new("secret"),
            client_secret_next: None,
            token_url: "http://ims/token".parse().unwrap(),
            scope: "openid".to_owned(),
            names: CredentialNames {
                client_id: "a".into(),
                client_secret: "b".into(),
                client_secret_next: None,
            },
        },
        events: Events::Xdm {
            inlet: inlet("event"),
            schema: schema(),
        },
        profiles: Some(Profiles::Upsert {
            inlet: inlet("profile"),
            flow_id: "profile-flow".to_owned(),
            dataset_id: "profile-dataset".to_owned(),
            identity_dataset_id: None,
        }),
        // Most tests are about other things.
        settle: Duration::ZERO,
        batch: BatchLimits {
            max_records: 500.try_into().unwrap(),
            max_bytes: 900_000.try_into().unwrap(),
            linger: Duration::from_millis(200),
        },
        concurrency: Concurrency::UpTo(64.try_into().unwrap()),
        pace: RateLimits::default(),
        buffer: BufferLimits::new(24 << 20, 100_000),
        deduplicate: None,
        http: Http {
            connect_timeout: seconds(5),
            request_timeout: seconds(60),
            proxy: None,
            ca_file: None,
            client_certificate: None,
        },
        retry: RetryLimits {
            initial: Duration::from_millis(200),
            max: seconds(30),
        },
        dead_letter: DeadLetterTopic {
            topic: "dead".to_owned(),
            retention: seconds(1),
            replicas: None,
            accept: Vec::new(),
        },
        landed: None,
        skip_offsets: Vec::new(),
        on_evicted: OnEvicted::Continue,
        lease: seconds(10),
        shutdown_timeout: seconds(25),
        observability: Observability {
            listen: None,
            log: LogFormat::Human,
        },
    }
}

pub(super) fn raw_events() -> Events {
    Events::Raw {
        inlet: inlet("event"),
        flow_id: "event-flow".to_owned(),
        shape: RawShape::Xdm,
    }
}

pub(super) fn raw_profiles() -> Profiles {
    Profiles::Raw {
        inlet: inlet("profile"),
        flow_id: "profile-flow".to_owned(),
        shape: RawShape::Xdm,
    }
}
