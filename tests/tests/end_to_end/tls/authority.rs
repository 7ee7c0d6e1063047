//! A certificate authority that lives as long as a test.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a certificate: {0}")]
pub(super) struct CertifyError(#[from] rcgen::Error);

/// An authority; what it signs is trusted by whoever trusts [`Authority::pem`].
#[derive(Debug)]
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its private key, both PEM.
#[derive(Clone)]
pub(super) struct Certified {
    /// The certificate.
    pub(super) certificate: String,
    /// Its private key.
    pub(super) key: String,
}

impl Authority {
    /// A new authority with a name of its own.
    ///
    /// # Errors
    /// When no key can be made.
    pub(super) fn new(name: &str) -> Result<Self, CertifyError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// Its own certificate, to be trusted.
    #[must_use]
    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server's certificate for these names (`*.x` for all directly below `x`) or addresses.
    ///
    /// # Errors
    /// When a name is none.
    pub(super) fn server(&self, names: &[&str]) -> Result<Certified, CertifyError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.issue(
            CertificateParams::new(names)?,
            ExtendedKeyUsagePurpose::ServerAuth,
        )
    }

    /// A client's certificate.
    ///
    /// # Errors
    /// When no key can be made.
    pub(super) fn client(&self, name: &str) -> Result<Certified, CertifyError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        self.issue(params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Certified, CertifyError> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Certified {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}
