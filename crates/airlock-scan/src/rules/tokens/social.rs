//! Tokens of social networks, media and games. Bodies of the samples are random.

use super::token;
use crate::Rule;

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token!("facebook-access-token", ["EAA"], ["^{alnum:80..500}"],
        "Facebook user and page tokens", "https://developers.facebook.com/docs/facebook-login/guides/access-tokens/",
        "EAA9hXnJBq5Aaaosr0pRf5jzQXAc6gt5Y2CIqcigOkVQGJ59McacTAeTWr703rVFr63XDpO6Rd6ENjEA11P2yJXy"),
    token!("instagram-token", ["IGQV", "IGQW", "IGAA", "THAA"], ["^{alnum_-:60..300}"],
        "Instagram and Threads tokens", "https://developers.facebook.com/docs/instagram-platform/",
        "IGQVlJc4IqpGPrmnsZziu1PHn1f1FB9x6sjw74cOWYVe7d3NHZvCXJiPZISmif4lJ1xwY"),
    token!("twitter-bearer-token", ["AAAAAAAAAAAAAAAAAAAAA"], ["^{alnum%:60..140}"],
        "X app bearer tokens", "https://docs.x.com/fundamentals/authentication/oauth-2-0/bearer-tokens",
        "AAAAAAAAAAAAAAAAAAAAAEeK2fBZbWGFcv5QPcSCXYn2mGOWqfKWpQikaxwsRIA4IaPecpcAViWi8SRWKHyT5V"),
    token!("pinterest-token", ["pina_", "pinr."], ["^{url.:32..700}"],
        "Pinterest tokens", "https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/",
        "pina_QWLgpFCJKqpBeisGfvU8wQSlZE-ajdbf8QfoV"),
    token!("linkedin-secret", ["WPL_AP1."], ["^{alnum:16}.{alnum=+/:8..12}"],
        "LinkedIn client secrets", "https://learn.microsoft.com/en-us/linkedin/shared/authentication/client-credentials-flow",
        "WPL_AP1.dcxcD1B3zCFZVAuE.CVjWPn7u6J"),
    token!("linkedin-token", ["AQV", "AQW", "AQX"], ["^{url:150..500}"],
        "LinkedIn access tokens", "https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow",
        "AQVqwbC79wXYaUALSw7t-KM0bjyVaf3Sqm1cBqT8NwEm2TJtxttLXCQPPf56cyPtNT1us4TNN9Po6iV2K254AbP9tQeTiekaezJO_iV4-_3IU0G2XoeQddzQnOisJQZajgxrT0IKf7mW50Ifbx_We4YnkBu7g2"),
    token!("tiktok-token", ["rft.", "clt."], ["^{alnum!.:40..90}"],
        "TikTok tokens", "https://developers.tiktok.com/doc/oauth-user-access-token-management",
        "rft.zcN95ktXpTWKpnDmK5pA5CnLhc4yTabQYOH87euCZubfd"),
    token!("twitch-token", ["oauth:"], ["^{alnumlow:30}"],
        "Twitch chat tokens", "https://dev.twitch.tv/docs/irc/authenticate-bot/",
        "oauth:hqjpbhwm1cyw0mkbd0em3y4bun5rrp"),
    token!("dropbox-token", ["sl."], ["^{url.:120..1500}"],
        "Dropbox short-lived tokens", "https://developers.dropbox.com/oauth-guide",
        "sl.lS33D-h6Zcmu48aSY-jmfFyubYfmvo8tAjVZuR7lMN34j0SP6L9nickuYCx7_4_3QjxyX96G5qujgguO-g1CXTG9WcrVWma0tjdfVxC0LwTYYwU1A3pn2nF8I8RWC"),
    token!("spotify-token", ["BQA", "BQB", "BQC", "BQD"], ["^{url:140..400}"],
        "Spotify access tokens", "https://developer.spotify.com/documentation/web-api/concepts/access-token",
        "BQAtwn5g9f5KPm8cu3oiwHB4ECVqClIU3oX_fHDVmIXyAOazF87BPreJM3JwgutyFbwwvrovguEDLD3rRio-vtx5KbFHAGXjIpojt9K5dsw3Wro5AglaAq-4kOEV6LqxZPB79q-QVAxxGRiP7GI5"),
    token!("riot-key", ["RGAPI-"], ["^{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"],
        "Riot Games keys", "https://developer.riotgames.com/docs/portal",
        "RGAPI-ae9cbdd0-0510-a0d4-8a73-2b34383fea44"),
    token!("nostr-key", ["nsec1"], ["^{alnumlow:58}"],
        "Nostr private keys", "https://github.com/nostr-protocol/nips/blob/master/19.md",
        "nsec1qre1x63latja1o8yjv91j43wchup8yf1u0cl5wes12svgt0tmddkz9glqo"),
];
