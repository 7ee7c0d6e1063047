//! Why a run ended, and the exit code that says so.

use std::process::ExitCode;

use crate::admin::ListenError;
use crate::aep::EndpointError;
use crate::broker::BrokerError;
use crate::delivery::DeliveryError;
use crate::error::Fault;
use crate::http::HttpError;
use crate::ims::TokenError;

/// Why a run ended other than by a signal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Credential(TokenError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    #[error("signals cannot be received: {0}")]
    Signals(#[from] std::io::Error),
    #[error("stopped by a second signal")]
    SecondSignal,
}

impl RunError {
    /// 2: somebody must change the configuration. 3: another process commits for the same consumer.
    /// 1: anything else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Http(_) | Self::Listen(_) | Self::Endpoint(_) | Self::Credential(_) => {
                ExitCode::from(2)
            }
            Self::Broker(error) => ExitCode::from(error.exit_code()),
            Self::Delivery(error) if error.fault() == Fault::User => ExitCode::from(2),
            Self::Delivery(_) | Self::Signals(_) | Self::SecondSignal => ExitCode::FAILURE,
        }
    }
}
