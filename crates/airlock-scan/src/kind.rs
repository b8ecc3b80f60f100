//! What can be found: classes, kinds, and sets of kinds.

use std::fmt;

/// A family of kinds; policies and masking defaults are chosen per class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Personal data: it identifies a human being.
    Pii,
    /// A credential: whoever holds it may act as its owner.
    Secret,
    /// Text that tries to command the model that reads it.
    Injection,
}

impl Class {
    /// The stable name: `pii`, `secret` or `injection`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pii => "pii",
            Self::Secret => "secret",
            Self::Injection => "injection",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $label:literal, $class:ident;)*) => {
        /// What a finding is. The names and labels are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// Every kind, in declaration order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable name used in reports and configuration, for example `credit_card`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The word that replaces a finding, for example `CREDIT_CARD` in `[CREDIT_CARD REDACTED]`.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// The class this kind belongs to.
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }
        }
    };
}

kinds! {
    /// A United States social security number.
    Ssn = "ssn", "SSN", Pii;
    /// A payment card number that passes the issuer ranges and the Luhn check.
    CreditCard = "credit_card", "CREDIT_CARD", Pii;
    /// An e-mail address.
    Email = "email", "EMAIL", Pii;
    /// A telephone number.
    Phone = "phone", "PHONE", Pii;
    /// An IPv4 or IPv6 address; loopback and unspecified ones only where they are called addresses.
    IpAddress = "ip_address", "IP_ADDRESS", Pii;
    /// An international bank account number whose check digits are right.
    Iban = "iban", "IBAN", Pii;
    /// The number of a passport, beside a word that says so. Opt-in.
    Passport = "passport", "PASSPORT", Pii;
    /// The number of a driving licence, beside a word that says so. Opt-in.
    DriversLicense = "drivers_license", "DRIVERS_LICENSE", Pii;
    /// A routing number of a bank in the United States. Opt-in.
    AbaRouting = "aba_routing", "ABA_ROUTING", Pii;
    /// A bank's identifier code (SWIFT). Opt-in.
    Bic = "bic", "BIC", Pii;
    /// A number by which a state knows a person: tax, insurance, identity card. Opt-in; the rule names the country.
    NationalId = "national_id", "NATIONAL_ID", Pii;
    /// A hardware address of a network interface. Opt-in.
    MacAddress = "mac_address", "MAC_ADDRESS", Pii;
    /// A date of birth, beside a word that says so. Opt-in.
    DateOfBirth = "date_of_birth", "DATE_OF_BIRTH", Pii;
    /// An address of a cryptocurrency. Opt-in.
    CryptoWallet = "crypto_wallet", "CRYPTO_WALLET", Pii;
    /// A vehicle identification number. Opt-in.
    Vin = "vin", "VIN", Pii;
    /// A key or token of a service, known by the vendor's prefix or by the name it stands under.
    ApiKey = "api_key", "API_KEY", Secret;
    /// An AWS access key id.
    AwsAccessKey = "aws_access_key", "AWS_ACCESS_KEY", Secret;
    /// An AWS secret access key.
    AwsSecretKey = "aws_secret_key", "AWS_SECRET_KEY", Secret;
    /// A JSON Web Token whose header names an algorithm.
    Jwt = "jwt", "JWT", Secret;
    /// A private key in PEM armour.
    PrivateKey = "private_key", "PRIVATE_KEY", Secret;
    /// The password inside a connection string.
    ConnectionString = "connection_string", "CONNECTION_STRING", Secret;
    /// A password or shared secret, known by the name it stands under.
    Password = "password", "PASSWORD", Secret;
    /// An instruction to the model, hidden in data.
    Injection = "injection", "INJECTION", Injection;
    /// Personal data that a detector of the user describes; the rule tells which.
    CustomPii = "custom_pii", "CUSTOM_PII", Pii;
    /// A credential that a detector of the user describes; the rule tells which.
    CustomSecret = "custom_secret", "CUSTOM_SECRET", Secret;
}

impl Kind {
    /// The kind with this [name](Kind::name), or `None`. Names match exactly.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether the kind is found only where it is asked for by name: it is rare, or often no secret at all.
    pub const fn is_opt_in(self) -> bool {
        matches!(
            self,
            Self::Passport
                | Self::DriversLicense
                | Self::AbaRouting
                | Self::Bic
                | Self::NationalId
                | Self::MacAddress
                | Self::DateOfBirth
                | Self::CryptoWallet
                | Self::Vin
        )
    }

    /// How much a match of this kind says about the text; decides between findings of equal extent.
    pub(crate) const fn specificity(self) -> u8 {
        match self {
            Self::PrivateKey => 9,
            Self::Jwt | Self::AwsAccessKey => 8,
            Self::ConnectionString => 7,
            Self::ApiKey | Self::AwsSecretKey => 6,
            Self::CreditCard | Self::Ssn | Self::Iban => 5,
            Self::Email
            | Self::NationalId
            | Self::CryptoWallet
            | Self::Vin
            | Self::CustomPii
            | Self::CustomSecret => 4,
            Self::IpAddress
            | Self::Passport
            | Self::DriversLicense
            | Self::AbaRouting
            | Self::Bic
            | Self::MacAddress
            | Self::DateOfBirth => 3,
            Self::Phone => 2,
            Self::Password => 1,
            Self::Injection => 0,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of kinds, as cheap as an integer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct KindSet(u64);

/// What [`KindSet::standard`] leaves out.
const OPT_IN: KindSet = {
    let mut set = KindSet::none();
    let mut rest = Kind::ALL;
    while let [kind, tail @ ..] = rest {
        if kind.is_opt_in() {
            set = set.with(*kind);
        }
        rest = tail;
    }
    set
};

impl KindSet {
    /// Every kind, the [opt-in](Kind::is_opt_in) ones included.
    pub fn all() -> Self {
        Kind::ALL.iter().copied().collect()
    }

    /// Every kind but the [opt-in](Kind::is_opt_in) ones.
    pub fn standard() -> Self {
        Kind::ALL.iter().copied().filter(|kind| !kind.is_opt_in()).collect()
    }

    /// No kind: a scanner for this set finds nothing.
    pub const fn none() -> Self {
        Self(0)
    }

    /// The [standard](Self::standard) kinds of [`Class::Pii`].
    pub fn pii() -> Self {
        Self::of(Class::Pii)
    }

    /// The kinds of [`Class::Secret`].
    pub fn secrets() -> Self {
        Self::of(Class::Secret)
    }

    /// The [standard](Self::standard) kinds of a class.
    pub fn of(class: Class) -> Self {
        Self::standard().iter().filter(|kind| kind.class() == class).collect()
    }

    /// The [opt-in](Kind::is_opt_in) members of this set.
    #[must_use]
    pub(crate) const fn opt_in(self) -> Self {
        Self(self.0 & OPT_IN.0)
    }

    /// This set and `kind`.
    #[must_use]
    pub const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u64)
    }

    /// This set without `kind`.
    #[must_use]
    pub const fn without(self, kind: Kind) -> Self {
        Self(self.0 & !(1 << kind as u64))
    }

    /// Whether `kind` is a member.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u64) != 0
    }

    /// Whether the set has no member.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in declaration order.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.iter().copied().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for KindSet {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::none(), Self::with)
    }
}

impl fmt::Debug for KindSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_one_to_one() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(*kind));
            assert_eq!(kind.label(), kind.name().to_uppercase());
        }
        assert_eq!(Kind::from_name("SSN"), None);
        assert_eq!(Kind::from_name(""), None);
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        assert_eq!(KindSet::all().iter().count(), Kind::ALL.len());
        assert_eq!(KindSet::none().iter().count(), 0);
        let set = KindSet::pii().without(Kind::Phone).with(Kind::Jwt);
        assert!(set.contains(Kind::Jwt) && set.contains(Kind::Ssn));
        assert!(!set.contains(Kind::Phone) && !set.contains(Kind::Password));
        assert!(KindSet::standard().contains(Kind::Iban) && !KindSet::standard().contains(Kind::Bic));
        assert!(KindSet::all().contains(Kind::Bic) && !KindSet::pii().contains(Kind::Vin));
        assert_eq!(
            KindSet::all().opt_in().iter().count() + KindSet::standard().iter().count(),
            Kind::ALL.len()
        );
        assert!(
            KindSet::standard().opt_in().is_empty() && !KindSet::none().with(Kind::Vin).opt_in().is_empty()
        );
        assert!(KindSet::secrets().iter().all(|kind| kind.class() == Class::Secret));
    }
}
