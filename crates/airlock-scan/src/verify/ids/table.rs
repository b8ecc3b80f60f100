//! The identifiers: how each is written, what its check is, and which words name it. The rule table says where the
//! formats are documented.

use super::{
    europe,
    form::{Form, alone, named},
    world,
};
use crate::Kind::{self, AbaRouting, DriversLicense, NationalId, Passport, Vin};

/// One identifier.
pub(super) struct Id {
    pub(super) rule: &'static str,
    pub(super) kind: Kind,
    pub(super) forms: &'static [Form],
    /// Gets the letters, in upper case, and digits of a match.
    pub(super) check: fn(&[u8]) -> bool,
    /// In lower case.
    pub(super) words: &'static [&'static str],
}

macro_rules! id {
    ($rule:literal, $kind:ident, $check:path, [$($form:expr),* $(,)?], [$($word:literal),* $(,)?]) => {
        Id { rule: $rule, kind: $kind, forms: &[$($form),*], check: $check, words: &[$($word),*] }
    };
}

pub(super) static TABLE: &[Id] = &[
    id!(
        "gb-nino",
        NationalId,
        europe::gb_nino,
        [alone("AA 99 99 99 A"), alone("AA999999A"), named("AA_99_99_99_A"), named("AA_999999_A")],
        ["nino", "national insurance", "ni number", "ni no"]
    ),
    id!("gb-nhs", NationalId, europe::gb_nhs, [named("999_999_9999")], ["nhs", "national health"]),
    id!(
        "de-tax",
        NationalId,
        europe::de_tax,
        [named("99_999_999_999")],
        [
            "steuer-id",
            "steuer id",
            "steueridentifikationsnummer",
            "steuernummer",
            "idnr",
            "tin",
            "tax id",
            "tax number"
        ]
    ),
    id!(
        "de-identity-card",
        NationalId,
        europe::de_document,
        [named("AXXXXXXXX"), named("AXXXXXXXX9")],
        ["personalausweis", "ausweis", "perso", "identity card", "id card", "id number", "ausweisnummer"]
    ),
    id!(
        "de-health",
        NationalId,
        europe::de_health,
        [named("A999999999")],
        ["kvnr", "krankenversicher", "krankenkasse", "versichertennummer", "egk"]
    ),
    id!(
        "it-identity-card",
        NationalId,
        world::document,
        [named("AA9999999"), named("AA99999AA"), named("9999999AA")],
        ["carta d'identità", "carta di identità", "carta d'identita", "carta di identita"]
    ),
    id!("in-gstin", NationalId, world::in_gstin, [alone("99AAAAA9999AXzX")], ["gstin", "gst"]),
    id!("in-voter", NationalId, world::document, [named("AAA9999999")], ["voter", "epic"]),
    id!(
        "de-insurance",
        NationalId,
        europe::de_insurance,
        [alone("99999999A999"), alone("99 999999 A 999")],
        ["rvnr", "sozialversicherung", "rentenversicherung", "svnr"]
    ),
    id!(
        "es-nif",
        NationalId,
        europe::es_nif,
        [
            alone("99999999A"),
            alone("99999999-A"),
            alone("A9999999A"),
            alone("A-9999999-A"),
            alone("A-9999999A"),
            alone("9999999-A"),
            named("9999999A"),
            named("99.999.999-A")
        ],
        ["nif", "nie", "dni"]
    ),
    id!(
        "it-fiscal",
        NationalId,
        europe::it_fiscal,
        [alone("AAAAAA99A99A999A"), named("AAA_AAA_99A99_A999A"), alone("AAAAAAXXAXXAXXXA")],
        ["codice fiscale"]
    ),
    id!("it-vat", NationalId, europe::it_vat, [named("99999999999")], ["partita iva", "p iva", "piva"]),
    id!(
        "fr-nir",
        NationalId,
        europe::fr_nir,
        [
            alone("9 99 99 99 999 999 99"),
            alone("9 99 99 9A 999 999 99"),
            alone("999999999999999"),
            alone("9999999999999 99"),
            named("9_99_99_9X_999_999_99")
        ],
        ["nir", "sécurité sociale", "securite sociale", "insee", "numéro de sécu"]
    ),
    id!("pl-pesel", NationalId, europe::pl_pesel, [named("99999999999")], ["pesel"]),
    id!(
        "nl-bsn",
        NationalId,
        europe::nl_bsn,
        [named("999999999"), named("9999_99_999")],
        ["bsn", "burgerservicenummer", "sofinummer"]
    ),
    id!(
        "be-national",
        NationalId,
        europe::be_national,
        [alone("99.99.99-999.99"), named("99999999999")],
        ["rijksregister", "registre national", "national number", "insz", "niss", "rrn"]
    ),
    id!(
        "se-personal",
        NationalId,
        europe::se_personal,
        [
            named("999999-9999"),
            named("999999+9999"),
            named("99999999-9999"),
            named("999999999999"),
            named("9999999999")
        ],
        ["personnummer", "personnr", "samordningsnummer", "pnr"]
    ),
    id!(
        "fi-hetu",
        NationalId,
        europe::fi_hetu,
        [alone("999999-999X"), alone("999999+999X"), alone("999999A999X")],
        ["hetu", "henkilötunnus", "henkilotunnus"]
    ),
    id!(
        "dk-cpr",
        NationalId,
        europe::dk_cpr,
        [named("999999-9999"), named("9999999999")],
        ["cpr", "personnummer"]
    ),
    id!(
        "no-birth",
        NationalId,
        europe::no_birth,
        [named("99999999999"), named("999999 99999")],
        ["fødselsnummer", "fodselsnummer", "personnummer", "fnr", "d-nummer"]
    ),
    id!(
        "ch-ahv",
        NationalId,
        europe::ch_ahv,
        [alone("999.9999.9999.99"), named("9999999999999")],
        ["ahv", "avs", "ahvn", "sozialversicherung"]
    ),
    id!("pt-nif", NationalId, europe::pt_nif, [named("999_999_999")], ["nif", "contribuinte", "nipc"]),
    id!(
        "at-insurance",
        NationalId,
        europe::at_insurance,
        [named("9999_999999")],
        ["svnr", "sozialversicherung", "versicherungsnummer", "sv-nummer"]
    ),
    id!(
        "ie-pps",
        NationalId,
        europe::ie_pps,
        [named("9999999A"), named("9999999AA")],
        ["pps", "ppsn", "personal public service"]
    ),
    id!("ro-cnp", NationalId, europe::ro_cnp, [named("9999999999999")], ["cnp", "cod numeric personal"]),
    id!(
        "cz-birth",
        NationalId,
        europe::cz_birth,
        [alone("999999/9999"), named("9999999999")],
        ["rodné číslo", "rodne cislo", "rodného čísla"]
    ),
    id!("hr-oib", NationalId, europe::hr_oib, [named("99999999999")], ["oib"]),
    id!(
        "rs-jmbg",
        NationalId,
        europe::rs_jmbg,
        [named("9999999999999")],
        ["jmbg", "emšo", "emso", "embg", "јмбг"]
    ),
    id!("bg-egn", NationalId, europe::bg_egn, [named("9999999999")], ["egn", "егн", "ЕГН"]),
    id!(
        "ee-personal",
        NationalId,
        europe::ee_personal,
        [named("99999999999")],
        ["isikukood", "asmens kodas", "personal code"]
    ),
    id!(
        "tr-identity",
        NationalId,
        europe::tr_identity,
        [named("99999999999")],
        ["tckn", "kimlik", "tc no", "t.c."]
    ),
    id!(
        "us-itin",
        NationalId,
        world::us_itin,
        [alone("999-99-9999"), named("999_99_9999"), named("999-999999")],
        ["itin", "taxpayer", "tax id"]
    ),
    id!("us-npi", NationalId, world::us_npi, [named("9999_999_999")], ["npi", "provider"]),
    id!(
        "us-mbi",
        NationalId,
        world::us_mbi,
        [alone("9AX9-AX9-AA99"), named("9AX9AX9AA99")],
        ["mbi", "medicare"]
    ),
    id!(
        "ca-sin",
        NationalId,
        world::ca_sin,
        [named("999 999 999"), named("999-999-999"), named("999999999")],
        ["sin", "nas", "social insurance", "assurance sociale"]
    ),
    id!("br-cpf", NationalId, world::br_cpf, [alone("999.999.999-99"), named("999_999_999_99")], ["cpf"]),
    id!(
        "br-cnpj",
        NationalId,
        world::br_cnpj,
        [alone("99.999.999/9999-99"), named("99_999_999_9999_99")],
        ["cnpj"]
    ),
    id!("mx-curp", NationalId, world::mx_curp, [alone("AAAA999999AAAAAAX9")], ["curp"]),
    id!(
        "ar-cuit",
        NationalId,
        world::ar_cuit,
        [alone("99-99999999-9"), named("99999999999")],
        ["cuit", "cuil"]
    ),
    id!(
        "cl-rut",
        NationalId,
        world::cl_rut,
        [alone("99.999.999-X"), alone("9.999.999-X"), named("99999999-X"), named("9999999-X")],
        ["rut", "run"]
    ),
    id!(
        "in-aadhaar",
        NationalId,
        world::in_aadhaar,
        [named("9999_9999_9999")],
        ["aadhaar", "aadhar", "uidai", "uid", "आधार"]
    ),
    id!("in-pan", NationalId, world::in_pan, [alone("AAAAA9999A")], ["pan", "permanent account"]),
    id!("au-tfn", NationalId, world::au_tfn, [named("999_999_999")], ["tfn", "tax file"]),
    id!("au-medicare", NationalId, world::au_medicare, [named("9999_99999_9")], ["medicare"]),
    id!("au-abn", NationalId, world::au_abn, [named("99_999_999_999")], ["abn", "business number"]),
    id!("sg-nric", NationalId, world::sg_nric, [alone("A9999999A")], ["nric", "fin"]),
    id!(
        "kr-registration",
        NationalId,
        world::kr_registration,
        [named("999999-9999999"), named("9999999999999")],
        ["rrn", "frn", "resident registration", "korean", "주민", "등록번호"]
    ),
    id!(
        "jp-my-number",
        NationalId,
        world::jp_my_number,
        [named("9999_9999_9999")],
        ["my number", "mynumber", "マイナンバー", "個人番号"]
    ),
    id!(
        "cn-resident",
        NationalId,
        world::cn_resident,
        [alone("99999999999999999X")],
        ["身份证", "resident id"]
    ),
    id!(
        "za-identity",
        NationalId,
        world::za_identity,
        [named("9999999999999"), named("999999 9999 999"), named("999999 9999 99 9")],
        ["south african", "sa id", "rsa", "id number", "identity number", "resident number"]
    ),
    id!(
        "il-identity",
        NationalId,
        world::il_identity,
        [named("999999999"), named("99999999-9")],
        ["teudat zehut", "israeli id", "תעודת זהות", "ת.ז"]
    ),
    id!(
        "th-citizen",
        NationalId,
        world::th_citizen,
        [alone("9-9999-99999-99-9"), named("9999999999999")],
        ["thai", "citizen id", "บัตรประชาชน"]
    ),
    id!(
        "tw-identity",
        NationalId,
        world::tw_identity,
        [named("A999999999")],
        ["身分證", "taiwan", "national id"]
    ),
    id!(
        "hk-identity",
        NationalId,
        world::hk_identity,
        [alone("A999999(X)"), named("A999999X")],
        ["hkid", "hong kong", "身份證"]
    ),
    id!(
        "my-identity",
        NationalId,
        world::my_identity,
        [named("999999-99-9999"), named("999999999999")],
        ["mykad", "nric", "malaysian", "kad pengenalan"]
    ),
    id!(
        "passport",
        Passport,
        world::document,
        [
            named("999999999"),
            named("99999999"),
            named("A9999999"),
            named("A99999999"),
            named("AA9999999"),
            named("AA999999"),
            named("99AA99999"),
            named("A999A9999"),
            named("AXXXXXXXX"),
            named("AAA999999"),
            named("A_9999999")
        ],
        [
            "passport",
            "reisepass",
            "passeport",
            "pasaporte",
            "passaporte",
            "passaporto",
            "paspoort",
            "pass-nr",
            "travel document",
            "여권",
            "パスポート",
            "旅券",
            "护照",
            "護照",
            "паспорт"
        ]
    ),
    id!(
        "gb-licence",
        DriversLicense,
        world::gb_licence,
        [alone("XXXXX999999XXXAA"), alone("XXXXX999999XXXXX")],
        ["licence"]
    ),
    id!(
        "kr-licence",
        DriversLicense,
        world::kr_licence,
        [alone("99-99-999999-99"), named("99_99_999999_99")],
        ["license", "licence", "운전면허"]
    ),
    id!(
        "drivers-license",
        DriversLicense,
        world::document,
        [
            named("A9999999"),
            named("A99999999"),
            named("A999999"),
            named("A999999999999"),
            named("A999-9999-9999"),
            named("A999-999-99-999-9"),
            named("A99999999999999"),
            named("A9999-99999-99999"),
            named("AA999999"),
            named("AA9999999"),
            named("AA999999A"),
            named("99AAA9999"),
            named("9999999"),
            named("99999999"),
            named("999999999"),
            named("9999999999"),
            named("999999999999"),
            named("999 999 999"),
            named("XX99999999X"),
            named("AAA99999"),
            named("XXX999999999")
        ],
        [
            "driver's license",
            "drivers license",
            "driver license",
            "driver's licence",
            "drivers licence",
            "driver licence",
            "driving licence",
            "driving license",
            "driverslicense",
            "driverlicense",
            "licence number",
            "license number",
            "dl number",
            "dl no",
            "dln",
            "führerschein",
            "fuehrerschein",
            "fahrerlaubnis",
            "permis de conduire",
            "carnet de conducir",
            "licencia de conducir",
            "patente di guida",
            "rijbewijs",
            "prawo jazdy",
            "cnh",
            "運転免許",
            "운전면허",
            "驾驶证"
        ]
    ),
    id!(
        "aba-routing",
        AbaRouting,
        world::us_routing,
        [named("999999999"), named("9999-9999-9")],
        ["routing", "aba", "rtn", "transit number", "wire transfer", "bank"]
    ),
    id!("vin", Vin, world::vin, [alone("XXXXXXXXXXXXXXXXX")], ["vin"]),
    id!(
        "vin-context",
        Vin,
        world::vin_without_check,
        [named("XXXXXXXXXXXXXXXXX")],
        ["vin", "vehicle identification", "chassis", "fahrgestellnummer", "fin", "telaio", "bastidor"]
    ),
];
