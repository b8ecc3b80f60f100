//! Tokens of social networks, media and games. Bodies of the samples are random.

use super::token;
use crate::Rule;

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token!("facebook-access-token", ["EAA"], ["^{alnum:80..500}"],
        "Facebook user and page tokens", "https://developers.facebook.com/docs/facebook-login/guides/access-tokens/",
        "EAAdDqgo4tWP4I2TXobHuytZmoe6gQf9wSvdcjJTNWDoFybcda6uABJuggaHMRo5UIa0OhfUs7EpQrlWUMv4gS8X"),
    token!("instagram-token", ["IGQV", "IGQW", "IGAA"], ["^{alnum_-:60..300}"],
        "Instagram tokens", "https://developers.facebook.com/docs/instagram-platform/",
        "IGQVQpPyHw4wjJkjrArh7D1jMSYfiDh4oEgLqkKshoxB3ImEk53uOzyxlG5tWouv5Ub9T"),
    token!("twitter-bearer-token", ["AAAAAAAAAAAAAAAAAAAAA"], ["^{alnum%:60..140}"],
        "X app bearer tokens", "https://docs.x.com/fundamentals/authentication/oauth-2-0/bearer-tokens",
        "AAAAAAAAAAAAAAAAAAAAARNfDfvL9g4Qrul3h5AMhW9bUpi9rkSYPTR0YSyclEXk6aIFYKWpInD86xahPjFyKz"),
    token!("pinterest-token", ["pina_", "pinr."], ["^{url.:32..700}"],
        "Pinterest tokens", "https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/",
        "pina_y3Ord-QDX8_vZaatokPftcT0xIYaJO8lmZrEk"),
    token!("linkedin-secret", ["WPL_AP1."], ["^{alnum:16}.{alnum=+/:8..12}"],
        "LinkedIn client secrets", "https://learn.microsoft.com/en-us/linkedin/shared/authentication/client-credentials-flow",
        "WPL_AP1.YFCiGSW8ztLxLUDW.fLoKYKdeML"),
    token!("linkedin-token", ["AQV", "AQW", "AQX"], ["^{url:150..500}"],
        "LinkedIn access tokens", "https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow",
        "AQVKyJaORSKHYlZipU6O5tRjQNnSpYT8UnToXVAdXabyBQntgOGd2gNT6RYTh0_zOEA3cr7Bh02Xq9Cg_iN5PAYAs691YdQ2trtDAj4KLpPaedvNjnMZvK438OcNqGPdUsNb6LimoAVR6wwiZS8uwC8rABXqdb"),
    token!("tiktok-token", ["rft.", "clt."], ["^{alnum!.:40..90}"],
        "TikTok tokens", "https://developers.tiktok.com/doc/oauth-user-access-token-management",
        "rft.4j9cGTP42UlznLxKpJYorvAlTDzdi4ZdoP8HdDebwXtvE"),
    token!("twitch-token", ["oauth:"], ["^{alnumlow:30}"],
        "Twitch chat tokens", "https://dev.twitch.tv/docs/irc/authenticate-bot/",
        "oauth:flrl0sp8bwnan46slivkoe36fyu13u"),
    token!("dropbox-token", ["sl."], ["^{url.:120..1500}"],
        "Dropbox short-lived tokens", "https://developers.dropbox.com/oauth-guide",
        "sl.ciIZGUa3gxCBjJM68uq6HeVNtSUg5WRK4LQ4dThdtPwJkMO3QO8vCjk1S5zknvvVBHmkLoLGCALe58jpEdQL_tHsro4tGbW0amkjh-bEp0cWtu7fmYE8Kf9nDoAkG"),
    token!("dropbox-long-token", ["AAAAAAAAAA"], ["{alnum:11}^{url:43}"],
        "Dropbox long-lived tokens", "https://developers.dropbox.com/oauth-guide",
        "XAkwwsTx0n5AAAAAAAAAAbeD45bNPRw2bI9YvXeGScpcDX_Cp60J773OJBxM5TVG"),
    token!("spotify-token", ["BQA", "BQB", "BQC", "BQD"], ["^{url:140..400}"],
        "Spotify access tokens", "https://developer.spotify.com/documentation/web-api/concepts/access-token",
        "BQAVk_RvKnygNWrcp0cBqa-InpokBdmgHKpZYWbr09MA4jbdFCaxTVXX18exhEsnbegoPdlgZZNugQPJOO54CrcImRYJCORE1OKFSbxk2ciP0xuoYpPXrqXqnBpm2AMnaAJjYw238dI0soWoTHmQ"),
    token!("riot-key", ["RGAPI-"], ["^{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"],
        "Riot Games keys", "https://developer.riotgames.com/docs/portal",
        "RGAPI-e31d2487-f169-5f1a-1f5a-c6ad9417e517"),
];
