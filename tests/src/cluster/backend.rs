//! Which cluster the tests run on.

use std::path::PathBuf;

use super::error::ClusterError;

/// Environment variable that chooses the backend.
const VARIABLE: &str = "FLUVIO_TEST_CLUSTER";
/// Environment variable that names another container image.
const IMAGE_VARIABLE: &str = "FLUVIO_TEST_IMAGE";
/// Fluvio's image on Docker Hub for the version the client crates belong to.
const IMAGE: &str = "infinyon/fluvio:0.18.1";

/// Where a test's cluster comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `mock`, the default: inside the test process.
    Mock,
    /// `bin:PATH`: processes of this `fluvio-run` binary.
    Binary(PathBuf),
    /// `docker`: containers of this image.
    Docker(String),
    /// `profile`: the cluster of the current Fluvio profile.
    Profile,
}

impl Backend {
    /// Reads `FLUVIO_TEST_CLUSTER` and `FLUVIO_TEST_IMAGE`.
    ///
    /// # Errors
    /// When the value is none of the four.
    pub fn from_env() -> Result<Backend, ClusterError> {
        let image = std::env::var(IMAGE_VARIABLE).unwrap_or_else(|_| IMAGE.to_owned());
        Backend::parse(&std::env::var(VARIABLE).unwrap_or_default(), image)
    }

    fn parse(value: &str, image: String) -> Result<Backend, ClusterError> {
        match value {
            "" | "mock" => Ok(Backend::Mock),
            "docker" => Ok(Backend::Docker(image)),
            "profile" => Ok(Backend::Profile),
            other => match other.strip_prefix("bin:") {
                Some(path) if !path.is_empty() => Ok(Backend::Binary(path.into())),
                _ => Err(ClusterError::Missing(format!(
                    "{VARIABLE} is {other:?}; it must be mock, bin:PATH (a fluvio-run binary), \
                    docker or profile"
                ))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mock_is_the_default_and_each_backend_has_its_word() {
        let parse = |value: &str| Backend::parse(value, IMAGE.to_owned()).unwrap();
        assert_eq!(parse(""), Backend::Mock);
        assert_eq!(parse("mock"), Backend::Mock);
        assert_eq!(
            parse("bin:/opt/fluvio-run"),
            Backend::Binary("/opt/fluvio-run".into())
        );
        assert_eq!(parse("docker"), Backend::Docker(IMAGE.to_owned()));
        assert_eq!(parse("profile"), Backend::Profile);
    }

    #[test]
    fn unknown_backend_is_an_error_that_names_the_choices() {
        for value in ["kubernetes", "bin:", "Mock"] {
            let error = Backend::parse(value, String::new())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("bin:PATH") && error.lines().count() == 1,
                "{error}"
            );
        }
    }
}
