curl https://api.plextera.com/api/public/v1/files \
 -H "Authorization: api-key YOUR_API_KEY"
