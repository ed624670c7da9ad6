#!/bin/bash
# Starts a SimpleSAMLphp SAML 2.0 IdP on 127.0.0.1:$IDP_PORT (foreground: exec php).
# env: IDP_LISTEN (127.0.0.1; in a container 0.0.0.0, its name stays 127.0.0.1) IDP_PORT (8800) WORK (mktemp) SP_METADATA (path of SP metadata XML; read on EVERY request)
#      SIGN_ASSERTION=1 SIGN_RESPONSE=1 ENCRYPT=0 SIGALG=rsa-sha256 ECP=0 VALIDATE_AUTHN=0 IDP_KEY2=0
set -euo pipefail
export IDP_PORT=${IDP_PORT:-8800} WORK=${WORK:-$(mktemp -d)}
export SP_METADATA=${SP_METADATA:-$WORK/sp.xml}
mkdir -p "$WORK"/{config/metadata,cert,log,data,tmp,sess,www}
[ -f "$WORK/cert/idp.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 3650 \
   -subj /CN=idp.test -keyout "$WORK/cert/idp.pem" -out "$WORK/cert/idp.crt" 2>/dev/null
[ -f "$WORK/cert/idp2.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 3650 \
   -subj /CN=idp2.test -keyout "$WORK/cert/idp2.pem" -out "$WORK/cert/idp2.crt" 2>/dev/null
ln -sfn /usr/share/simplesamlphp/www "$WORK/www/simplesaml"
ln -sfn /etc/simplesamlphp/attributemap "$WORK/config/attributemap"
HERE=$(cd "$(dirname "$0")" && pwd)
cp "$HERE"/{config.php,authsources.php,acl.php} "$WORK/config/" 2>/dev/null || cp "$HERE"/{config.php,authsources.php} "$WORK/config/"
cp "$HERE"/saml20-idp-hosted.php "$WORK/config/metadata/"
[ -f "$SP_METADATA" ] || echo '<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>' > "$SP_METADATA"
export SIMPLESAMLPHP_CONFIG_DIR=$WORK/config PHP_CLI_SERVER_WORKERS=${PHP_CLI_SERVER_WORKERS:-4}
echo "$WORK"
exec php -d error_reporting=E_ERROR -d display_errors=0 -d session.save_path="$WORK/sess" -d session.gc_probability=0 \
   -S "${IDP_LISTEN:-127.0.0.1}:$IDP_PORT" -t "$WORK/www" "$HERE/router.php" >"$WORK/log/php.log" 2>&1
