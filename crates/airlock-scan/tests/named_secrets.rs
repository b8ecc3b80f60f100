//! Secrets without a vendor's prefix: what a person would call a credential in a line of code, configuration or
//! a log, and what only stands where one could. Sample values are random.

use airlock_scan::{Class, Scanner};

/// The parts of a text that are found as secrets.
fn found(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    Scanner::default().scan(text, &mut out);
    let secrets = out.iter().filter(|finding| finding.kind.class() == Class::Secret);
    secrets.map(|finding| &text[finding.span.clone()]).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn found_in_every_notation() {
    let table: &[(&str, &[(&str, &str)])] = &[
        (
            "code",
            &[
                ("password = \"qwerty123\"", "qwerty123"),
                ("    pw: \"Admin@123\",", "Admin@123"),
                ("secret=\"s3cr3t\"", "s3cr3t"),
                ("const dbPassword = 'fjqwlxkz';", "fjqwlxkz"),
                ("String password = \"Summer2024\";", "Summer2024"),
                (
                    "private static final String API_KEY = \"d41f7c02b9e84a66b1c3aa0975e2f8d4\";",
                    "d41f7c02b9e84a66b1c3aa0975e2f8d4",
                ),
                ("if password == \"h7Qw2zKk9\":", "h7Qw2zKk9"),
                ("if (\"h7Qw2zKk9\" == password) {", "h7Qw2zKk9"),
                ("user.setPassword(\"h7Qw2zKk9\");", "h7Qw2zKk9"),
                ("password.equals(\"h7Qw2zKk9\")", "h7Qw2zKk9"),
                ("define('DB_PASSWORD', 'h7Qw2zKk9');", "h7Qw2zKk9"),
                ("$cfg['password'] = 'h7Qw2zKk9';", "h7Qw2zKk9"),
                ("char secret[25] = \"h7Qw2zKk9\";", "h7Qw2zKk9"),
                ("my_password_secure = \"h7Qw2zKk9Lx4R\"", "h7Qw2zKk9Lx4R"),
                ("var token string = \"Qm7Tz2Lx9Wp4Rk8Vb3\"", "Qm7Tz2Lx9Wp4Rk8Vb3"),
                ("snyk_key := `Qm7Tz2Lx9Wp4Rk8Vb3`", "Qm7Tz2Lx9Wp4Rk8Vb3"),
                (
                    "pub const API_KEY: &str = \"d41f7c02b9e84a66b1c3aa0975e2f8d4\";",
                    "d41f7c02b9e84a66b1c3aa0975e2f8d4",
                ),
                ("api_key: Optional[str] = 'Qm7Tz2Lx9Wp4Rk8Vb3'", "Qm7Tz2Lx9Wp4Rk8Vb3"),
                ("private apiKey: string | null = \"Qm7Tz2Lx9Wp4Rk8Vb3\";", "Qm7Tz2Lx9Wp4Rk8Vb3"),
                ("let password: Option<&str> = Some(\"h7Qw2zKk9\");", "h7Qw2zKk9"),
                ("password: SecretString::from(\"h7Qw2zKk9\"),", "h7Qw2zKk9"),
                ("$password = ConvertTo-SecureString \"h7Qw2zKk9\" -AsPlainText -Force", "h7Qw2zKk9"),
                ("const apiKey = process.env.API_KEY || \"Qm7Tz2Lx9Wp4Rk8Vb3\";", "Qm7Tz2Lx9Wp4Rk8Vb3"),
                ("password = config.get('password') or 'h7Qw2zKk9'", "h7Qw2zKk9"),
                (
                    "encryption_key = bytes.fromhex(\"d41f7c02b9e84a66b1c3aa0975e2f8d4\")",
                    "d41f7c02b9e84a66b1c3aa0975e2f8d4",
                ),
                ("db.store_password(\"alice\", \"h7Qw2zKk9\");", "h7Qw2zKk9"),
            ],
        ),
        (
            "configuration",
            &[
                ("DB_PASSWORD=h7Qw2zKk9", "h7Qw2zKk9"),
                ("export API_TOKEN=Qm7Tz2Lx9Wp4Rk8Vb3", "Qm7Tz2Lx9Wp4Rk8Vb3"),
                ("password: |\n  h7Qw2zKk9\nuser: bob", "h7Qw2zKk9"),
                ("- name: DB_PASSWORD\n  value: h7Qw2zKk9", "h7Qw2zKk9"),
                ("{\"name\": \"DB_PASSWORD\", \"value\": \"h7Qw2zKk9\"}", "h7Qw2zKk9"),
                ("<add key=\"Password\" value=\"h7Qw2zKk9\" />", "h7Qw2zKk9"),
                ("<password>h7Qw2zKk9</password>", "h7Qw2zKk9"),
                ("spring.datasource.password=h7Qw2zKk9", "h7Qw2zKk9"),
                ("password = \"h7Qw2zKk9\" # terraform", "h7Qw2zKk9"),
                ("Server=db;User Id=sa;Password=h7Qw2zKk9;Encrypt=true", "h7Qw2zKk9"),
                ("a,b\n\"{\"\"password\"\": \"\"h7Qw2zKk9\"\"}\"", "h7Qw2zKk9"),
                ("{\"a\":\"{\\\"password\\\":\\\"h7Qw2zKk9\\\"}\"}", "h7Qw2zKk9"),
                (
                    "//registry.npmjs.org/:_authToken=52acf265-3fc6-4ecd-304a-15940bd04653",
                    "52acf265-3fc6-4ecd-304a-15940bd04653",
                ),
                ("SNYK_TOKEN=52acf265-3fc6-4ecd-304a-15940bd04653", "52acf265-3fc6-4ecd-304a-15940bd04653"),
                ("binddn cn=reader\nbindpw h7Qw2zKk9\n", "h7Qw2zKk9"),
                ("    storePassword h7Qw2zKk9\n    keyAlias release", "h7Qw2zKk9"),
                ("AuthLDAPBindPassword h7Qw2zKk9", "h7Qw2zKk9"),
                ("bindpw v7Qw2zKk9\n", "v7Qw2zKk9"),
                ("FROM x\nENV DB_PASSWORD h7Qw2zKk9\n", "h7Qw2zKk9"),
                ("enable secret 5 $1$mERr$hx5rVt7rPNoS4wqbXKX7m0\n", "$1$mERr$hx5rVt7rPNoS4wqbXKX7m0"),
                ("username admin password 7 0822455D0A16\n", "0822455D0A16"),
                ("masterauth h7Qw2zKk9\n", "h7Qw2zKk9"),
                ("keytool -genkey -storepass h7Qw2zKk9", "h7Qw2zKk9"),
                ("variable \"db_password\" {\n  type    = string\n  default = \"h7Qw2zKk9\"\n}", "h7Qw2zKk9"),
                ("{\"password\": {\"value\": \"h7Qw2zKk9\"}}", "h7Qw2zKk9"),
                ("<wsse:Password Type=\"text\">h7Qw2zKk9</wsse:Password>", "h7Qw2zKk9"),
                ("<key>API_KEY</key>\n\t<string>Qm7Tz2Lx9Wp4Rk8Vb3</string>", "Qm7Tz2Lx9Wp4Rk8Vb3"),
                ("spring.datasource.password=${MYSQL_PASSWORD:h7Qw2zKk9}", "h7Qw2zKk9"),
                ("\"Client secret\": \"h7Qw2zKk9Lx4\"", "h7Qw2zKk9Lx4"),
                ("password: \"mañana\"", "mañana"),
                ("password: \"$ecret7Qw\"", "$ecret7Qw"),
                ("aws configure set aws_secret_access_key h7Qw2zKk9Lx4Rk8Vb3Nf", "h7Qw2zKk9Lx4Rk8Vb3Nf"),
                ("sonar.login=d41f7c02b9e84a66b1c3aa0975e2f8d4", "d41f7c02b9e84a66b1c3aa0975e2f8d4"),
                ("user_name   | bob\npassword    | h7Qw2zKk9\n", "h7Qw2zKk9"),
                ("<entry key=\"password\">h7Qw2zKk9</entry>", "h7Qw2zKk9"),
                ("<property name='db.password'>h7Qw2zKk9</property>", "h7Qw2zKk9"),
                (
                    "<string name=\"api_key\">d41f7c02b9e84a66b1c3aa0975e2f8d4</string>",
                    "d41f7c02b9e84a66b1c3aa0975e2f8d4",
                ),
                ("<add key=\"ApiSecret\" value=\"h7Qw2zKk9Lx4Rk8\" />", "h7Qw2zKk9Lx4Rk8"),
                ("    [password] => h7Qw2zKk9\n", "h7Qw2zKk9"),
                (
                    "LOB_API_KEY=test_2b8f0c1d4e6a7935fb0d2c4e6a8b1f3d5c7",
                    "test_2b8f0c1d4e6a7935fb0d2c4e6a8b1f3d5c7",
                ),
            ],
        ),
        (
            "requests",
            &[
                ("GET /v1?api_key=Qm7Tz2Lx9Wp4Rk8Vb3&page=2", "Qm7Tz2Lx9Wp4Rk8Vb3"),
                ("X-Api-Key: Qm7Tz2Lx9Wp4Rk8Vb3", "Qm7Tz2Lx9Wp4Rk8Vb3"),
                ("Authorization: Api-Token d41f7c02b9e84a66b1c3", "d41f7c02b9e84a66b1c3"),
                ("Authorization: Bearer _Qm7Tz2Lx9Wp4Rk8Vb3Nf6", "_Qm7Tz2Lx9Wp4Rk8Vb3Nf6"),
                ("curl --user  'bob:h7Qw2zKk9' https://example.org", "h7Qw2zKk9"),
                ("curl -u \":h7Qw2zKk9\" https://example.org", "h7Qw2zKk9"),
                ("curl --user bob:'h7Qw2zKk9' https://example.org", "h7Qw2zKk9"),
                (
                    "System.setProperty(\"VENDOR_TOKEN\", \"52acf265-3fc6-4ecd-304a-15940bd04653\")",
                    "52acf265-3fc6-4ecd-304a-15940bd04653",
                ),
                ("git clone https://Qm7Tz2Lx9Wp4Rk8Vb3Nf6@git.example.org/r.git", "Qm7Tz2Lx9Wp4Rk8Vb3Nf6"),
                ("https://bob:h7Qw2zKk9@git.example.org/r.git", "h7Qw2zKk9"),
                ("https://bob:p%40ss%2Fh7Q@git.example.org/r.git", "p%40ss%2Fh7Q"),
            ],
        ),
        (
            "letters",
            &[
                ("the new password is h7Qw2zKk9, please keep it", "h7Qw2zKk9"),
                ("My password is \"h7Qw2zKk9\"", "h7Qw2zKk9"),
            ],
        ),
        (
            "languages",
            &[
                ("Passwort: h7Qw2zKk9", "h7Qw2zKk9"),
                ("Kennwort = h7Qw2zKk9", "h7Qw2zKk9"),
                ("contraseña: h7Qw2zKk9", "h7Qw2zKk9"),
                ("mot de passe : h7Qw2zKk9", "h7Qw2zKk9"),
                ("senha=h7Qw2zKk9", "h7Qw2zKk9"),
                ("Пароль: h7Qw2zKk9", "h7Qw2zKk9"),
                ("密码：h7Qw2zKk9", "h7Qw2zKk9"),
                ("パスワード: h7Qw2zKk9", "h7Qw2zKk9"),
                ("비밀번호: h7Qw2zKk9", "h7Qw2zKk9"),
            ],
        ),
    ];
    let mut wrong = Vec::new();
    for (class, cases) in table {
        for (text, secret) in *cases {
            let secrets = found(text);
            if secrets != [*secret] {
                wrong.push(format!("{class}: {text:?} {secrets:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_only_stands_where_a_secret_could() {
    let table: &[(&str, &[&str])] = &[
        (
            "references",
            &[
                "password: ${DB_PASSWORD}",
                "password = os.environ[\"DB_PASSWORD\"]",
                "apiKey: process.env.API_KEY",
                "token = config.get('token')",
                "@Value(\"${app.secret}\") String secret;",
                "password = var.db_password",
                "password = data.aws_secretsmanager_secret.db.secret_string",
                "token: ${{ secrets.GITHUB_TOKEN }}",
                "password: !Ref DbPassword",
                "password = getpass.getpass(\"Password: \")",
                "String password = request.getParameter(\"password\");",
                "self.password = password",
                "'password' => h7Qw2zKk9.secret_1",
                "map(token => h7Qw2zKk9Lx4)",
                "my $pass = $self->{pass};",
                "const apiKey = process.env.API_KEY || ''",
                "password = config.get('password') or 'changeme'",
                "variable \"db_password\" {\n  type = string\n}\n\nvariable \"x\" {\n  default = \"h7Qw2zKk9\"\n}",
                "\"password\": {\"type\": \"string\", \"value\": \"h7Qw2zKk9\"}",
                "https://d41f7c02b9e84a66b1c3aa0975e2f8d4@o12.ingest.sentry.io/34",
                "https://some-company-name-here@dev.azure.com/x",
                "<Password Type=\"text\"/>h7Qw2zKk9",
                "$password = $_POST['password'];",
                "$secret = $servers['shared_secret'];",
                "var client_secret = $tr.find('.configuration input1')",
                "'sharedSecret' => \"broken{$this->shareToken1}\"",
                "'password'=>'$password',",
                "\"from_secret\": \"cache_s3_access_key\"",
                "secret = get_secret(\"db/main\")",
                "api.fetchToken(\"h7Qw2zKk9Lx4\")",
                "proxy_pass     $upstream_pool",
                "pass     => $assert,",
                "secret = $section::secret",
                "user_pass = '%s:%s' % (user, password)",
                "return f\"{name}(key={self._key1!r})\"",
                "if ($token =~ m/^[a-z]{2}_[a-z]{2}(-fuzzy9)?$/) {",
                "const KEY: Kind9Flags = Kind9Flags(8);",
                "STATUS_WRONG_PASSWORD: NTSTATUS = 0xC000006A_u32 as _;",
                "ERROR_PASSWORD = 0xC000006A",
                "`passphrase`: {string | Buffer} the passphrase to use",
                "login: _loginUser1Key",
                "token := r.Header.Get(\"X-Token\")",
                "password=%DB_PASSWORD%",
                "PASSWORD={{ vault_password }}",
                "password: ENC[AES256_GCM,data:O+5l4g==,type:str]",
            ],
        ),
        (
            "placeholders",
            &[
                "password = \"changeme\"",
                "api_key = \"your-api-key-here\"",
                "api_key = \"xxxxxxxxxxxxxxxx\"",
                "token: <your token>",
                "API_KEY=abcdef0123456789abcdef0123456789",
                "API_KEY=AbCdEfGhIjKlMnOpQrStUvWxYz1234567890",
                "secret_key = 'a1B2c3D4e5F6g7H8i9J0k1L2'",
                "password = \"somefakekey\"",
                "export TOKEN=Qm7Tz2Lx9Wp4Rk8...",
                "password: ''",
                "fake_token = \"Qm7Tz2Lx9Wp4Rk8Vb3\"",
                "client_secret = \"test-m2m-secret\"",
                "Key = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                "api_key = \"2o3P4q5R6s7T8u9V0wQm7Tz2Lx9W\"",
                "minimax_key = \"sk-api-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
                "MIDTRANS_CLIENT_KEY=SB-Mid-client-geTmh0IQFh0SUVNQ",
            ],
        ),
        (
            "labels, types and prose",
            &[
                "\"password\": \"Passwort\"",
                "\"password\": \"Enter your password\"",
                "password: 'required|min:8'",
                "password: string;",
                "password: Optional[str] = None",
                "def login(user, password):",
                "<input type=\"password\" name=\"password\" placeholder=\"Password\">",
                "Password must be at least 8 characters",
                "the secret \"garden\"",
                "\"Password: \" + password + \"!\"",
                "token = new CancellationTokenSource();",
                "validates :password, presence: true",
                "key: user.profile.title",
                "sort_key = \"2024-01-15T10:00:00Z\"",
                "auth: required",
                "<label for=\"password\">Passwort2</label>",
                "<string name=\"password\">Password (8 letters)</string>",
                "the password h7Qw2zKk9 was changed by bob",
                "password varchar2\nkey   uint32",
                "XXH3_WITH_SECRET XXH64_hash_t",
                "my $out = $as->{pass} ? \"PASS1\" : \"FAIL1\";",
                "'pass': 'The \"pass\" statement\\n'",
                "SECRET_BAG: PKCS-12 bag with keys",
                "it did not pass \"-v/-q1\" to git",
                "the password is sha256-hashed",
                "add_credentials('name', 'password')",
                "\"Password\" : \"Hasło\"",
                "\"Federated share password\" : \"Fjalëkalim pjese të federuar\"",
                "\"App secret\" : \"App-hemlighet (valfri nyckel för appen)\"",
                "\"Service Account Password\" : \"Servicekonto-Passwort\"",
                "\"Enter the app key and the secret\" : \"Wpisz7klucz!\"",
                "http -a user:password :8080/message",
                "\":java:username-password:user-details:custom-user1\"",
                "password: \"{noop}password\"",
            ],
        ),
        (
            "identifiers and public values",
            &[
                "public_key = \"Qm7Tz2Lx9Wp4Rk8Vb3\"",
                "key: \"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp\"",
                "![coverage](https://codecov.io/gh/a/b/graph/badge.svg?token=Z92NHFQ70G)",
                "'CPAN::HTTP::Credentials'=> '1.9601',",
                "key_id: Qm7Tz2Lx9Wp4Rk8Vb3",
                "token_type: Bearer",
                "max_tokens: 4096",
                "primary_key = \"Qm7Tz2Lx9Wp4Rk8Vb3\"",
                "next_page_token: Qm7Tz2Lx9Wp4Rk8Vb3",
                "csrf_token = \"Qm7Tz2Lx9Wp4Rk8Vb3\"",
                "sha256: d41f7c02b9e84a66b1c3aa0975e2f8d4d41f7c02b9e84a66b1c3aa0975e2f8d5",
                "etag: \"d41f7c02b9e84a66b1c3aa0975e2f8d4\"",
                "request_id=52acf265-3fc6-4ecd-304a-15940bd04653",
                "\"ClientToken\": \"52acf265-3fc6-4ecd-304a-15940bd04653\"",
                "client-request-token: 52acf265-3fc6-4ecd-304a-15940bd04653",
                "password_file = /run/secrets/db_password",
                "password = \"/run/secrets/db_password\"",
                "token_url = \"https://auth.example.org/oauth/token\"",
                "secretName: db-credentials",
                "password_reset_url: https://example.org/reset",
                "keyboard: qwerty123456",
            ],
        ),
    ];
    let mut wrong = Vec::new();
    for (class, texts) in table {
        for text in *texts {
            let secrets = found(text);
            if !secrets.is_empty() {
                wrong.push(format!("{class}: {text:?} {secrets:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
